// Counts how often places change, and decides from the counts what is noise.

export interface Counts {
  /** Compared snapshots that had the place. */
  observed: number;
  /** Those in which it changed. */
  changed: number;
  /** Of the first systems in which it changed: how often it did, up to REPEATS. */
  systems: Record<string, number>;
}

/** Fewer snapshots, or systems in which it came up again, say nothing about a fleet. */
export const MIN_OBSERVED = 200;
export const MIN_SYSTEMS = 20;
/** A rollout changes a place once on every system; noise comes again. */
export const REPEATS = 3;
/** What is learned above the first is forgotten below the second, so that it does not flap. */
export const LEARN_ABOVE = 0.5;
export const FORGET_BELOW = 0.3;
/** From here on both counts are halved, so that the last weeks count, not the years before. */
export const WINDOW = 10_000;
const MAX_SYSTEMS = 64;

export const rateOf = ({ observed, changed }: Pick<Counts, "observed" | "changed">) =>
  observed === 0 ? 0 : changed / observed;

export function isLearned(counts: Counts, wasLearned: boolean): boolean {
  const rate = rateOf(counts);
  if (wasLearned) return rate >= FORGET_BELOW;
  const repeating = Object.values(counts.systems).filter((times) => times >= REPEATS).length;
  return counts.observed >= MIN_OBSERVED && repeating >= MIN_SYSTEMS && rate > LEARN_ABOVE;
}

export const noCounts = (): Counts => ({ observed: 0, changed: 0, systems: {} });

export function addCounts(one: Counts, other: Counts): Counts {
  const systems = { ...one.systems };
  let known = Object.keys(systems).length;
  for (const [mark, times] of Object.entries(other.systems)) {
    if (!Object.hasOwn(systems, mark) && known++ >= MAX_SYSTEMS) continue;
    systems[mark] = Math.min((systems[mark] ?? 0) + times, REPEATS);
  }
  const observed = one.observed + other.observed;
  const changed = one.changed + other.changed;
  const share = observed > WINDOW ? 0.5 : 1;
  return { observed: observed * share, changed: changed * share, systems };
}

/** What one process counted since it last told the database. */
export interface Tally {
  /** One compared snapshot of a system. */
  count(systemId: string, changed: Iterable<string>, present: Iterable<string>): void;
  counts: Map<string, Counts>;
  snapshots: number;
}

/** `maxPaths` bounds what appliances can make this process remember. */
export function openTally(maxPaths: number): Tally {
  const counts = new Map<string, Counts>();
  const countsOf = (path: string) => {
    const known = counts.get(path);
    if (known || counts.size >= maxPaths) return known;
    const fresh = noCounts();
    counts.set(path, fresh);
    return fresh;
  };
  return {
    counts,
    snapshots: 0,
    count(systemId, changed, present) {
      this.snapshots += 1;
      const mark = markOf(systemId);
      const changedPaths = new Set(changed);
      for (const path of new Set([...changedPaths, ...present])) {
        const own = countsOf(path);
        if (!own) continue;
        own.observed += 1;
        if (!changedPaths.has(path)) continue;
        own.changed += 1;
        if (Object.hasOwn(own.systems, mark) || Object.keys(own.systems).length < MAX_SYSTEMS)
          own.systems[mark] = Math.min((own.systems[mark] ?? 0) + 1, REPEATS);
      }
    },
  };
}

/** Tells systems apart, and nothing about them once they are erased: 32 bits of a hash of the id. */
const markOf = (systemId: string) => Bun.hash.crc32(systemId).toString(36);
