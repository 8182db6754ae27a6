// Counts waiting jobs in Redis once a second, so that no request counts them.
import type { Clock } from "../../../ports/clock.ts";

const FRESH_MS = 1_000;

interface Backlog {
  read(): Promise<number>;
  /** Jobs that this process pushed since the last count. */
  add(jobs: number): void;
}

export function openBacklog(clock: Clock, count: () => Promise<number>): Backlog {
  let known: number | undefined;
  let countedAtMs = 0;
  let counting: Promise<number> | undefined;

  const recount = async () => {
    try {
      known = await count();
      return known;
    } finally {
      countedAtMs = clock.now().getTime();
      counting = undefined;
    }
  };

  return {
    async read() {
      // Compares in both directions: a clock that was set back must not keep an old number alive.
      if (known !== undefined && Math.abs(clock.now().getTime() - countedAtMs) < FRESH_MS) return known;
      counting ??= recount();
      if (known === undefined) return counting;
      // Keeps the last number in an outage: the push that follows reports the outage.
      counting.catch(() => undefined);
      return known;
    },
    add(jobs) {
      if (known !== undefined) known += jobs;
    },
  };
}
