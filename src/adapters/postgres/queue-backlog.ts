// How much waits, kept at hand for ingest: counted again now and then, never by the request that asks.
import type { Clock } from "../../ports/clock.ts";

const FRESH_MS = 1_000;

/** Counting takes longer as the backlog grows; it may fill this share of the time at most. */
const COUNTING_SHARE = 1 / 20;

export interface Backlog {
  read(): Promise<number>;
  /** What this process pushed since the last count. */
  add(jobs: number): void;
}

export function openBacklog(clock: Clock, count: () => Promise<number>): Backlog {
  let known: number | undefined;
  let freshUntil = 0;
  let counting: Promise<number> | undefined;

  const recount = async () => {
    const startedAt = performance.now();
    try {
      known = await count();
      freshUntil = clock.now().getTime() + Math.max(FRESH_MS, (performance.now() - startedAt) / COUNTING_SHARE);
      return known;
    } finally {
      counting = undefined;
    }
  };

  return {
    async read() {
      if (known !== undefined && clock.now().getTime() < freshUntil) return known;
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
