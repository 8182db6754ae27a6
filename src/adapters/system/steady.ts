// A clock that never goes back, for what counts time: due times, leases, budgets. A machine's own clock may be set back.
import type { Clock } from "../../ports/clock.ts";

/** While the clock behind is set back, time goes on at this pace, so that the two meet again. */
const CATCHING_UP = 1 / 2;

/** Jumps ahead are followed; a clock set back by an hour is met again after two, and nothing waits for an hour meanwhile. */
export function steadyClock(clock: Clock): Clock {
  let reachedMs = -Infinity;
  let readAtMs = 0;
  const now = () => {
    const monotonicMs = performance.now();
    const onwardMs = reachedMs + (monotonicMs - readAtMs) * CATCHING_UP;
    reachedMs = Math.max(clock.now().getTime(), onwardMs);
    readAtMs = monotonicMs;
    return new Date(reachedMs);
  };
  return { ...clock, now };
}
