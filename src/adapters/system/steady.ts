// Keeps a clock from going back, for due times, leases and budgets: a machine's own clock may be set back.
import type { Clock } from "../../ports/clock.ts";

/** While the clock behind is the earlier one, time goes on at this pace, so that the two meet again. */
const CATCHING_UP = 1 / 2;

/** Jumps ahead are followed; a clock set back by an hour is met again after two, and nothing waits for an hour meanwhile. */
export function steadyClock(clock: Clock): Clock {
  let reachedMs = -Infinity;
  let readAtMs = 0;
  const now = () => {
    const wallMs = clock.now().getTime();
    const monotonicMs = performance.now();
    // A clock that stands where it stood was not set back.
    reachedMs = wallMs >= reachedMs ? wallMs : reachedMs + (monotonicMs - readAtMs) * CATCHING_UP;
    readAtMs = monotonicMs;
    return new Date(reachedMs);
  };
  return { ...clock, now };
}
