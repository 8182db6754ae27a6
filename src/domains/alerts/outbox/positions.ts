// Numbers alerts in the order of their arrival: µs since 1970, always growing, also when the clock stands still or goes back.
import type { Clock } from "../../../ports/clock.ts";

export interface Positions {
  /** Reserves `count` consecutive numbers and returns the first. */
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
