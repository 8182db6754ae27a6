// Tells the machine's own time.
import type { Clock } from "../../ports/clock.ts";

/** Longest delay of setTimeout, which fires at once beyond it; longer waits use several timers. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export function systemClock(): Clock {
  const after = (ms: number, task: () => void): (() => void) => {
    const dueMs = performance.now() + ms;
    let timer: ReturnType<typeof setTimeout>;
    const wait = () => {
      const leftMs = dueMs - performance.now();
      timer = setTimeout(leftMs > LONGEST_TIMER_MS ? wait : task, Math.min(Math.max(leftMs, 0), LONGEST_TIMER_MS));
      timer.unref();
    };
    wait();
    return () => clearTimeout(timer);
  };

  const sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    if (signal?.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = after(ms, finish);
    signal?.addEventListener("abort", finish, { once: true });
    return promise;

    function finish(): void {
      cancel();
      signal?.removeEventListener("abort", finish);
      resolve();
    }
  };

  return { now: () => new Date(), after, sleep };
}
