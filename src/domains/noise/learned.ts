// Holds what each organization's own systems change day after day, and what operators pinned for all of them.
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import { noisePath } from "./path.ts";
import { mayBeLearned, NOTHING_KNOWN } from "./suppress.ts";
import type { JudgedChange, Known } from "./suppress.ts";
import * as store from "./store.ts";
import type { Pin, Sighting } from "./store.ts";

export interface Learned {
  /** What is known for each of the systems, at most REFRESH_MS old. */
  known(systemIds: readonly string[]): Promise<Map<string, Known>>;
  /** Collects in memory what changed in a system, as the rules judged it. */
  observe(systemId: string, receivedAt: Date, changes: readonly JudgedChange[]): void;
  /** Stores what was observed, at most every FLUSH_MS unless `now`. A crash or a failure loses that and nothing else. */
  flush(options?: { now?: boolean }): Promise<void>;
  /** Asks the database anew at the next `known`. */
  forget(): void;
}

const REFRESH_MS = 30_000;
const FLUSH_MS = 10_000;
/** Sightings of one statement; so many are stored at once, whatever the time. */
const FLUSH_SIGHTINGS = 5_000;
/** Of one comparison; places beyond it teach nothing. */
const MAX_PLACES_PER_COMPARISON = 200;
const MAX_ORGANIZATIONS_HELD = 10_000;

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
    const atMs = clock.now().getTime();
    const found = new Map(asked.map((id) => [id, new Map<string, number>()]));
    for (const { organizationId, path, rate } of await store.findLearned(database, asked))
      found.get(organizationId)?.set(path, rate);
    if (held.size > MAX_ORGANIZATIONS_HELD) held.clear();
    // Only now: until the answer is there, or where none comes, nobody may take an organization for one that has learned nothing.
    for (const [id, learned] of found) held.set(id, { learned, atMs });
  };

  const flush = async ({ now = false } = {}) => {
    const nowMs = clock.now().getTime();
    if (sightings.size === 0 || (!now && sightings.size < FLUSH_SIGHTINGS && nowMs - flushedAtMs < FLUSH_MS)) return;
    const observed = [...sightings.values()];
    sightings = new Map();
    flushedAtMs = nowMs;
    for (let at = 0; at < observed.length; at += FLUSH_SIGHTINGS)
      await store.saveSightings(database, observed.slice(at, at + FLUSH_SIGHTINGS));
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

    forget() {
      for (const one of held.values()) one.atMs = -Infinity;
      pinsAtMs = -Infinity;
    },
  };
}
