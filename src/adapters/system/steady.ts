// Keeps a clock from going back, for due times, leases and budgets: a machine's own clock may be set back.
import type { Clock } from "../../ports/clock.ts";

/** Pace of time while the machine's clock is behind, so that the two meet again. */
const CATCHING_UP = 1 / 2;

/** Follows jumps ahead. After the clock was set back by an hour, runs at half pace for two hours: no wait stands still meanwhile. */
export function steadyClock(clock: Clock): Clock {
  let reachedMs = -Infinity;
  let readAtMs = 0;
  const now = () => {
    const wallMs = clock.now().getTime();
    const monotonicMs = performance.now();
    // An unchanged clock was not set back.
    reachedMs = wallMs >= reachedMs ? wallMs : reachedMs + (monotonicMs - readAtMs) * CATCHING_UP;
    readAtMs = monotonicMs;
    return new Date(reachedMs);
  };
  return { ...clock, now };
}
