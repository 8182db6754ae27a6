// A clock that stands still until a test moves it.
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../src/ports/clock.ts";

export interface TestClock extends Clock {
  /** Moves time, running each timer that falls due at its own moment and letting the promises behind it settle. */
  advance(ms: number): Promise<void>;
  /** Timers that wait; 0 when everything that used the clock has been closed. */
  pending(): number;
}

interface Timer {
  dueMs: number;
  task: () => void;
}

/** Turns of the event loop after a timer: enough for chains of promises; what waits for I/O is awaited by the test. */
const SETTLE_TURNS = 5;

export function testClock(start = "2026-01-01T00:00:00.000Z"): TestClock {
  let nowMs = Date.parse(start);
  const timers = new Set<Timer>();

  const after = (ms: number, task: () => void): (() => void) => {
    const timer = { dueMs: nowMs + Math.max(ms, 0), task };
    timers.add(timer);
    return () => void timers.delete(timer);
  };

  const sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = after(ms, resolve);
      signal?.addEventListener("abort", () => (cancel(), resolve()), { once: true });
    });
  };

  const advance = async (ms: number): Promise<void> => {
    const endMs = nowMs + ms;
    await settle();
    for (let timer = firstDue(timers, endMs); timer; timer = firstDue(timers, endMs)) {
      timers.delete(timer);
      nowMs = Math.max(nowMs, timer.dueMs);
      timer.task();
      await settle();
    }
    nowMs = endMs;
  };

  return { now: () => new Date(nowMs), after, sleep, advance, pending: () => timers.size };
}

function firstDue(timers: Set<Timer>, endMs: number): Timer | undefined {
  let first: Timer | undefined;
  for (const timer of timers) if (timer.dueMs <= endMs && (!first || timer.dueMs < first.dueMs)) first = timer;
  return first;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLE_TURNS; turn += 1) await setImmediate();
}
