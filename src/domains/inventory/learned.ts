// Noise that teaches itself: what changes in most snapshots of the fleet is folded as state, unless an operator says otherwise.
import { Failure } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { ComparedChange } from "./compare.ts";
import { addCounts, isLearned, openTally, rateOf } from "./learned-counts.ts";
import type { Tally } from "./learned-counts.ts";
import { generalise, noisePath } from "./learned-path.ts";
import { addPlace, noPlaces } from "./learned-places.ts";
import type { Places } from "./learned-places.ts";
import * as store from "./learned-store.ts";
import type { NoiseRow, Pin } from "./learned-store.ts";
import { parseFieldPath } from "./pointer.ts";

/** What is known of a place, by its path. */
export type Known = Pick<NoiseRow, "observed" | "changed" | "learned" | "pin">;

export interface Learned {
  /** What is known by now; asked for anew once it is older than REFRESH_MS. */
  known(): Promise<Map<string, Known>>;
  /** The places to look for in documents that are compared. */
  places(): Places;
  /** Counts one compared snapshot, in memory. */
  observe(systemId: string, changes: readonly ComparedChange[], present: Iterable<string>): void;
  /** Tells the database what was counted, at most every FLUSH_MS unless `now`. A crash loses those counts and nothing else. */
  flush(options?: { now?: boolean }): Promise<void>;
  list(): Promise<ReturnType<typeof shown>[]>;
  pin(path: string, pin: Pin | null): Promise<ReturnType<typeof shown>>;
  /** Tells the rest, if the database is there; there is no later for it. */
  close(): Promise<void>;
}

const REFRESH_MS = 30_000;
const FLUSH_MS = 10_000;
/** Counted snapshots that are told at once. */
const FLUSH_SNAPSHOTS = 1_000;
/** Real appliances have a few hundred. */
const MAX_PATHS = 2_000;

export function openLearned({ database, clock }: { database: Database; clock: Clock }): Learned {
  let known = new Map<string, Known>();
  let places = noPlaces();
  let knownAtMs = -Infinity;
  let flushedAtMs = clock.now().getTime();
  let tally = openTally(MAX_PATHS);

  const refresh = async () => {
    const rows = await store.listNoise(database);
    known = new Map(rows.map((row) => [row.path, row]));
    places = noPlaces();
    for (const path of new Set([...known.keys(), ...tally.counts.keys()])) addPlace(places, path);
    knownAtMs = clock.now().getTime();
  };

  const write = async (counted: Tally) => {
    const paths = [...counted.counts.keys()];
    if (paths.length === 0) return;
    await database.transaction(async (tx) => {
      const fresh = paths.filter((path) => !known.has(path));
      if (fresh.length > 0) await store.insertNoise(tx, fresh);
      const rows = await store.lockNoise(tx, paths);
      await store.updateNoise(
        tx,
        rows.map((row) => advance(row, counted)),
        clock.now(),
      );
      if (fresh.length > 0) await store.deleteExcessNoise(tx, MAX_PATHS);
    });
  };

  const flush = async ({ now = false } = {}) => {
    const nowMs = clock.now().getTime();
    if (tally.snapshots === 0) return;
    if (!now && tally.snapshots < FLUSH_SNAPSHOTS && nowMs - flushedAtMs < FLUSH_MS) return;
    const counted = tally;
    tally = openTally(MAX_PATHS);
    flushedAtMs = nowMs;
    await write(counted);
    await refresh();
  };

  return {
    async known() {
      if (clock.now().getTime() - knownAtMs >= REFRESH_MS) await refresh();
      return known;
    },

    places: () => places,

    observe(systemId, changes, present) {
      const changed = changes.filter(mayBeLearned).map((change) => noisePath(change.pointer) ?? "");
      for (const path of changed) if (!known.has(path) && tally.counts.size < MAX_PATHS) addPlace(places, path);
      tally.count(systemId, changed, present);
    },

    flush,

    async list() {
      return (await store.listNoise(database)).map(shown).sort((left, right) => right.rate - left.rate);
    },

    async pin(text, pin) {
      const path = readPath(text);
      await store.pinNoise(database, path, pin, clock.now());
      await refresh();
      const row = (await store.listNoise(database)).find((one) => one.path === path);
      if (!row) throw new Error(`the pin of ${path} vanished while it was set`);
      return shown(row);
    },

    close: () => flush({ now: true }).catch(() => {}),
  };
}

function advance(row: store.CountsRow, counted: Tally) {
  const added = counted.counts.get(row.path);
  const counts = added ? addCounts(row, added) : row;
  return { path: row.path, ...counts, learned: isLearned(counts, row.learned), hasChanged: (added?.changed ?? 0) > 0 };
}

/** Applies what is known to changes that the rules judged. A part that was not collected stays what it is. */
export function fold(changes: readonly ComparedChange[], known: ReadonlyMap<string, Known>): ComparedChange[] {
  return changes.map((change) => {
    const path = noisePath(change.pointer);
    const place = path === undefined ? undefined : known.get(path);
    if (!place || change.folded === "partial") return change;
    if (place.pin === "fold") return { ...change, significant: false, folded: "pinned" };
    if (place.pin === "show") return { ...change, significant: true, folded: null };
    if (!place.learned || !change.significant || !mayBeLearned(change)) return change;
    return { ...change, significant: false, folded: "learned" };
  });
}

/** Other than these, no matter how often they happen: what is critical, things that came or went, versions. */
export function mayBeLearned({ pointer, severity, changeType, folded }: ComparedChange): boolean {
  if (folded === "partial" || pointer === "" || severity === "critical") return false;
  return !(severity === "high" && changeType !== "update") && !VERSION.test(pointer);
}

const VERSION = /[/_-](version|release|revision)$/i;

function shown({ observed, changed, ...row }: NoiseRow) {
  const state = row.pin ? `pinned: ${row.pin}` : row.learned ? "learned" : "watched";
  return {
    ...row,
    observed: Math.round(observed),
    changed: Math.round(changed),
    rate: Math.round(rateOf({ observed, changed }) * 1000) / 1000,
    state,
  };
}

/** A path as the list shows it, a field path or a JSON Pointer. */
function readPath(text: string): string {
  const path = text.startsWith("/") ? noisePath(text) : generaliseText(text);
  if (path) return path;
  throw new Failure("inventory.noise_path", 400, `not a path: ${JSON.stringify(text.slice(0, 80))}`);
}

function generaliseText(text: string): string | undefined {
  try {
    return text === "" ? undefined : generalise(parseFieldPath(text));
  } catch {
    return undefined;
  }
}
