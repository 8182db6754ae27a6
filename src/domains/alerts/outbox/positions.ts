// The order in which alerts came, as numbers that only grow: µs since 1970, pushed ahead when the clock stands or goes back.
import type { Clock } from "../../../ports/clock.ts";

export interface Positions {
  /** The first of so many in a row. */
  take(count: number): number;
}

export function openPositions(clock: Clock): Positions {
  let next = 0;
  return {
    take(count) {
      const first = Math.max(next, clock.now().getTime() * 1000);
      next = first + count;
      return first;
    },
  };
}
