// Counts waiting jobs now and then, so that no request counts them.
import type { Clock } from "../../../ports/clock.ts";

const FRESH_MS = 1_000;

/** Counting takes longer as the backlog grows; it may fill this share of the time at most. */
const COUNTING_SHARE = 1 / 20;

interface Backlog {
  read(): Promise<number>;
  /** What this process pushed since the last count. */
  add(jobs: number): void;
}

export function openBacklog(clock: Clock, count: () => Promise<number>): Backlog {
  let known: number | undefined;
  let countedAtMs = 0;
  let freshMs = 0;
  let counting: Promise<number> | undefined;

  const recount = async () => {
    const startedAt = performance.now();
    try {
      known = await count();
      freshMs = Math.max(FRESH_MS, (performance.now() - startedAt) / COUNTING_SHARE);
      countedAtMs = clock.now().getTime();
      return known;
    } finally {
      counting = undefined;
    }
  };

  return {
    async read() {
      // In both directions: a clock that was set back must not make a number last.
      if (known !== undefined && Math.abs(clock.now().getTime() - countedAtMs) < freshMs) return known;
      counting ??= recount();
      if (known === undefined) return counting;
      // An outage leaves the last number standing: the push that follows will say so better.
      counting.catch(() => undefined);
      return known;
    },
    add(jobs) {
      if (known !== undefined) known += jobs;
    },
  };
}
