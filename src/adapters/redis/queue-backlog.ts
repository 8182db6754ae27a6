// How much waits in Redis, kept at hand for ingest: counted again each second, never by the request that asks.
import type { Clock } from "../../ports/clock.ts";

const FRESH_MS = 1_000;

export interface Backlog {
  read(): Promise<number>;
  /** What this process pushed since the last count. */
  add(jobs: number): void;
}

export function openBacklog(clock: Clock, count: () => Promise<number>): Backlog {
  let known: number | undefined;
  let freshUntilMs = 0;
  let counting: Promise<number> | undefined;

  const recount = async () => {
    try {
      known = await count();
      return known;
    } finally {
      freshUntilMs = clock.now().getTime() + FRESH_MS;
      counting = undefined;
    }
  };

  return {
    async read() {
      if (known !== undefined && clock.now().getTime() < freshUntilMs) return known;
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
