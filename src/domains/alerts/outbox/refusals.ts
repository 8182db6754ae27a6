// Finds the refused items among many by bisection, within a bounded number of tries, so that all others are taken.

interface Sifting<Item> {
  /** Posts at most; items that are not tried by then count as refused. */
  tries: number;
  /** Undefined when all of them were taken, else the reason. */
  post(items: Item[]): Promise<string | undefined>;
  taken(items: Item[]): Promise<void>;
  /** `isTold`: the reason is this item's own; otherwise it is the one of a group that was posted with it. */
  refused(items: Item[], reason: string, isTold: boolean): Promise<void>;
}

/** One refused item among n costs about 2 × log2(n) tries. Earlier items are tried first. Returns how many tries were used. */
export async function sift<Item>(items: Item[], { tries, post, taken, refused }: Sifting<Item>): Promise<number> {
  const waiting = [items];
  let used = 0;
  let reason = "";
  for (let part = waiting.pop(); part; part = waiting.pop()) {
    if (used >= tries) {
      await refused(part, reason, false);
      continue;
    }
    used += 1;
    const fault = await post(part);
    reason = fault ?? reason;
    const half = Math.ceil(part.length / 2);
    if (fault === undefined) await taken(part);
    else if (part.length === 1) await refused(part, fault, true);
    else waiting.push(part.slice(half), part.slice(0, half));
  }
  return used;
}
