// Finds what is refused among many, by halves and with a bounded number of tries, so that all the others are taken.

export interface Sifting<Item> {
  /** At most so many posts; what was not told apart by then counts as refused. */
  tries: number;
  /** Undefined when all of them were taken, else what is wrong. */
  post(items: Item[]): Promise<string | undefined>;
  taken(items: Item[]): Promise<void>;
  /** `isTold`: the reason is this one's own; else it is that of others that were posted with it. */
  refused(items: Item[], reason: string, isTold: boolean): Promise<void>;
}

/** One that is refused among n costs about 2 × log2(n) tries. The first come first. Returns how many tries it took. */
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
