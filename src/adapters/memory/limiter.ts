// Counts takes in this process's memory: sliding windows of bounded number, and made-up keys never make it forget a real one.
import type { Clock } from "../../ports/clock.ts";
import type { Budget, Limiter } from "../../ports/limiter.ts";

interface MemoryLimiterDeps {
  clock: Clock;
  /** Keys of one kind that get a window of their own: enough for twice 100,000 systems. */
  maxKeys?: number;
  /** Keys beyond that share this many windows: a new key may be limited by another key's takes, but no take is forgotten. */
  sharedWindows?: number;
}

/** Takes of one key close together form a group with its newest take's time: memory is bounded, and none is allowed too early. */
interface Takes {
  first: number;
  newest: number;
  count: number;
}

/** Windows of one length and one kind of key: keys of one kind use no room of another kind. */
interface Table {
  /** `young`: keys with takes since the last turn. `old`: keys with takes in the period before it; the next turn drops them. */
  young: Map<string, Takes[]>;
  old: Map<string, Takes[]>;
  turnedMs: number;
  shared: Map<number, Takes[]>;
}

/** Groups a window is cut into. */
const GROUPS = 64;

export function openMemoryLimiter({ clock, maxKeys = 200_000, sharedWindows = 1_024 }: MemoryLimiterDeps): Limiter {
  const tables = new Map<string, Table>();
  /** Seed of the hash: clients cannot choose keys that share a window with another client's. */
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const slotOf = (key: string) => Bun.hash.xxHash32(key, seed) % sharedWindows;

  return {
    async take(key, budget) {
      const now = clock.now().getTime();
      const table = tableOf(tables, key, budget);
      turn(table, now, budget);
      const { takes, isShared } = find(table, key, now, budget);
      const wait = secondsUntilFree(takes, now, budget);
      if (wait > 0) return wait;
      record(takes, now, budget);
      if (isShared) table.shared.set(slotOf(key), takes);
      else {
        table.young.set(key, takes);
        table.old.delete(key);
      }
      return 0;
    },

    async peek(key, budget) {
      const now = clock.now().getTime();
      return secondsUntilFree(find(tableOf(tables, key, budget), key, now, budget).takes, now, budget);
    },

    async close() {
      tables.clear();
    },
  };

  /** A key that took from a shared window stays with it until the window is over, even when there is room again. */
  function find({ young, old, shared }: Table, key: string, now: number, budget: Budget) {
    const takes = current(young.get(key) ?? old.get(key), now, budget);
    if (takes.length > 0) return { takes, isShared: false };
    const together = current(shared.get(slotOf(key)), now, budget);
    return together.length > 0 || young.size + old.size >= maxKeys
      ? { takes: together, isShared: true }
      : { takes, isShared: false };
  }
}

/** A key's kind is what stands before its first colon; kinds are few, since no caller makes them of what clients say. */
function tableOf(tables: Map<string, Table>, key: string, { windowMs }: Budget): Table {
  const name = `${key.slice(0, key.indexOf(":") + 1)}${windowMs}`;
  let table = tables.get(name);
  if (!table) tables.set(name, (table = { young: new Map(), old: new Map(), turnedMs: -Infinity, shared: new Map() }));
  return table;
}

/** Runs once per window length: drops all keys without a take since the last turn, without visiting each. */
function turn(table: Table, now: number, { windowMs }: Budget): void {
  if (now - table.turnedMs < windowMs) return;
  table.old = now - table.turnedMs < 2 * windowMs ? table.young : new Map();
  table.young = new Map();
  table.turnedMs = now;
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
