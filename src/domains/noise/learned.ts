// Holds what each organization's own systems change day after day, and what operators pinned for all of them.
import { Failure } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import { shown as shownText } from "../../values/shown.ts";
import { learnAll } from "./learn.ts";
import { generalise, noisePath } from "./path.ts";
import { mayBeLearned, NOTHING_KNOWN } from "./suppress.ts";
import type { JudgedChange, Known } from "./suppress.ts";
import * as store from "./store.ts";
import type { NoiseRow, Pin, Sighting } from "./store.ts";
import { parseFieldPath } from "../../values/json/pointer.ts";

export type ListedPlace = NoiseRow & { state: string };

export interface Learned {
  /** What is known by now for each of the systems; asked for anew once it is older than REFRESH_MS. */
  known(systemIds: readonly string[]): Promise<Map<string, Known>>;
  /** Notes, in memory, what changed in a system, as the rules judged it. */
  observe(systemId: string, receivedAt: Date, changes: readonly JudgedChange[]): void;
  /** Tells the database what was noted, at most every FLUSH_MS unless `now`. A crash loses that and nothing else. */
  flush(options?: { now?: boolean }): Promise<void>;
  /** Draws the conclusions that a job draws every hour. */
  learn(): Promise<void>;
  list(organization?: string): Promise<ListedPlace[]>;
  pin(path: string, pin: Pin | null): Promise<ListedPlace>;
}

const REFRESH_MS = 30_000;
const FLUSH_MS = 10_000;
/** Noted changes that are told at once. */
const FLUSH_SIGHTINGS = 5_000;
/** Of one comparison; a document with more new places teaches nothing by them. */
const MAX_PLACES_PER_COMPARISON = 200;
const MAX_ORGANIZATIONS_HELD = 10_000;
const MAX_LISTED = 2_000;

export function openLearned({ database, clock }: { database: Database; clock: Clock }): Learned {
  let pins: ReadonlyMap<string, Pin> = new Map();
  let pinsAtMs = -Infinity;
  const held = new Map<string, { learned: Map<string, number>; atMs: number }>();
  let sightings = new Map<string, Sighting>();
  let flushedAtMs = clock.now().getTime();
  const isFresh = (atMs: number) => clock.now().getTime() - atMs < REFRESH_MS;

  const refreshOrganizations = async (ids: readonly string[]) => {
    const asked = [...new Set(ids)].filter((id) => !isFresh(held.get(id)?.atMs ?? -Infinity));
    if (asked.length === 0) return;
    if (held.size > MAX_ORGANIZATIONS_HELD) held.clear();
    const atMs = clock.now().getTime();
    for (const id of asked) held.set(id, { learned: new Map(), atMs });
    for (const { organizationId, path, rate } of await store.findLearned(database, asked))
      held.get(organizationId)?.learned.set(path, rate);
  };

  const flush = async ({ now = false } = {}) => {
    const nowMs = clock.now().getTime();
    if (sightings.size === 0 || (!now && sightings.size < FLUSH_SIGHTINGS && nowMs - flushedAtMs < FLUSH_MS)) return;
    const told = [...sightings.values()];
    sightings = new Map();
    flushedAtMs = nowMs;
    for (let at = 0; at < told.length; at += FLUSH_SIGHTINGS)
      await store.saveSightings(database, told.slice(at, at + FLUSH_SIGHTINGS));
  };

  return {
    async known(systemIds) {
      if (!isFresh(pinsAtMs)) {
        pins = await store.findPins(database);
        pinsAtMs = clock.now().getTime();
      }
      const organizations = await store.findOrganizations(database, [...new Set(systemIds)]);
      const ids = [...organizations.values()];
      await refreshOrganizations(ids);
      const known = (id: string): Known => ({ pins, learned: held.get(id)?.learned ?? NOTHING_KNOWN.learned });
      return new Map([...organizations].map(([systemId, id]) => [systemId, known(id)]));
    },

    observe(systemId, receivedAt, changes) {
      const day = receivedAt.toISOString().slice(0, 10);
      const paths = new Set<string>();
      for (const change of changes) {
        if (paths.size >= MAX_PLACES_PER_COMPARISON) break;
        const path = change.significant && mayBeLearned(change) ? noisePath(change.pointer) : undefined;
        if (path !== undefined) paths.add(path);
      }
      for (const path of paths) sightings.set(`${systemId} ${day} ${path}`, { systemId, path, day });
    },

    flush,

    async learn() {
      await flush({ now: true });
      await learnAll({ database, clock });
      held.clear();
    },

    async list(organization) {
      return (await store.listNoise(database, { organization, limit: MAX_LISTED })).map(shown);
    },

    async pin(text, pin) {
      const path = readPath(text);
      if (pin) await store.savePin(database, path, pin, clock.now());
      else await store.deletePin(database, path);
      pinsAtMs = -Infinity;
      const [row = unknownPlace(path)] = await store.listNoise(database, { path, limit: 1 });
      return shown(row);
    },
  };
}

function shown(row: NoiseRow): ListedPlace {
  const learned = row.learned_by === 0 ? "watched" : "learned";
  const state = row.pin ? `pinned: ${row.pin}` : learned;
  return { ...row, rate: Math.round(row.rate * 1000) / 1000, state };
}

const unknownPlace = (path: string): NoiseRow => ({
  path,
  rate: 0,
  organizations: 0,
  systems: 0,
  learned_by: 0,
  learned_at: null,
  last_changed_on: null,
  pin: null,
  pinned_at: null,
});

/** A path as the list shows it, a field path or a JSON Pointer. */
function readPath(text: string): string {
  const path = text.startsWith("/") ? noisePath(text) : generaliseText(text);
  if (path) return path;
  throw new Failure("inventory.noise_path", 400, `not a path: ${shownText(text)}`);
}

function generaliseText(text: string): string | undefined {
  try {
    return text === "" ? undefined : generalise(parseFieldPath(text));
  } catch {
    return undefined;
  }
}
