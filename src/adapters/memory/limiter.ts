// Sliding windows in this process's memory.
import type { Clock } from "../../ports/clock.ts";
import type { Budget, Limiter } from "../../ports/limiter.ts";

export interface MemoryLimiterDeps {
  clock: Clock;
  /** Beyond it the key used least recently is forgotten, so that made-up keys cannot fill the memory. */
  maxKeys?: number;
}

/** Takes of one key close together count as one group, stamped with its newest: bounded memory, and never one take too many. */
interface Takes {
  first: number;
  newest: number;
  count: number;
}

/** Groups a window is cut into. */
const GROUPS = 64;

export function openMemoryLimiter({ clock, maxKeys = 100_000 }: MemoryLimiterDeps): Limiter {
  const windows = new Map<string, Takes[]>();

  return {
    async take(key, budget) {
      const now = clock.now().getTime();
      const takes = current(windows.get(key), now, budget);
      const wait = secondsUntilFree(takes, now, budget);
      if (wait > 0) return wait;
      record(takes, now, budget);
      remember(key, takes);
      return 0;
    },

    async peek(key, budget) {
      const now = clock.now().getTime();
      return secondsUntilFree(current(windows.get(key), now, budget), now, budget);
    },

    async close() {
      windows.clear();
    },
  };

  /** A Map keeps the order of insertion: the first key is the one not used for longest. */
  function remember(key: string, takes: Takes[]): void {
    windows.delete(key);
    windows.set(key, takes);
    if (windows.size <= maxKeys) return;
    const [oldest] = windows.keys();
    if (oldest !== undefined) windows.delete(oldest);
  }
}

function current(takes: Takes[] | undefined, now: number, { windowMs }: Budget): Takes[] {
  return takes?.filter((group) => group.newest > now - windowMs) ?? [];
}

/** Free again when enough of the oldest groups have left the window. */
function secondsUntilFree(takes: readonly Takes[], now: number, { limit, windowMs }: Budget): number {
  let excess = takes.reduce((sum, group) => sum + group.count, 0) - limit + 1;
  if (excess <= 0) return 0;
  for (const group of takes) {
    excess -= group.count;
    if (excess <= 0) return Math.max(1, Math.ceil((group.newest + windowMs - now) / 1_000));
  }
  return Math.max(1, Math.ceil(windowMs / 1_000));
}

function record(takes: Takes[], now: number, { windowMs }: Budget): void {
  const last = takes.at(-1);
  if (last && now - last.first < windowMs / GROUPS) {
    last.newest = now;
    last.count += 1;
  } else {
    takes.push({ first: now, newest: now, count: 1 });
  }
}
