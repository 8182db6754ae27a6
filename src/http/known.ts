// Remembers which claims exist, so that invented ones are told from real ones without asking the database each time.
import type { Clock } from "../ports/clock.ts";

interface KnownDeps {
  clock: Clock;
  /** The first 8 bytes of the SHA-256 of every claim that exists, one behind the other, in any order. */
  list(): Promise<Uint8Array>;
}

interface Known {
  /** False for what was not there when the list was last read, at most 10 seconds ago; true may be wrong once in 2^40 times. */
  has(claim: string): Promise<boolean>;
}

/** Read only when somebody asks. At 100,000 claims one reading is 0.1 s of this process's time, so it must stay rare. */
const MAX_AGE_MS = 10_000;

export function openKnown({ clock, list }: KnownDeps): Known {
  let known = new BigUint64Array();
  let readAtMs = -Infinity;
  let reading: Promise<void> | undefined;

  const read = async () => {
    const startedMs = clock.now().getTime();
    known = new BigUint64Array(Uint8Array.from(await list()).buffer).sort();
    readAtMs = startedMs;
  };

  return {
    async has(claim) {
      const ageMs = clock.now().getTime() - readAtMs;
      if (!(ageMs >= 0 && ageMs < MAX_AGE_MS)) await (reading ??= read().finally(() => (reading = undefined)));
      return includes(known, digestOf(claim));
    },
  };
}

const digestOf = (claim: string) => new BigUint64Array(Bun.SHA256.hash(claim).slice(0, 8).buffer)[0] ?? 0n;

/** Binary search. */
function includes(sorted: BigUint64Array, wanted: bigint): boolean {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((sorted[middle] ?? 0n) < wanted) from = middle + 1;
    else to = middle;
  }
  return sorted[from] === wanted;
}
