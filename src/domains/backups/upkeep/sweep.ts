// Compares the store with the rows, both in byte order of keys: rows without objects, and objects without rows.
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import type { ObjectStore } from "../../../ports/objects.ts";
import { listRemovalKeys } from "./removals.ts";
import { listUploadKeys } from "../upload/reservations.ts";
import type { FindingVerbs } from "../../findings/index.ts";
import { findBackup, listKeys, listKnownKeys } from "../store.ts";
import { record } from "./verify.ts";

interface SweepDeps {
  database: Queryable;
  objects: ObjectStore;
  clock: Clock;
  findings: FindingVerbs["backups"];
}

export interface Swept {
  objects: number;
  /** Keys of objects without a row. */
  orphans: string[];
  /** False when there were suspiciously many orphans: then none was removed. */
  removed: boolean;
  /** Ids of rows whose objects are gone: marked lost, never deleted. */
  lost: string[];
}

/** Younger objects are ignored: their uploads or deletions may be under way. */
const SETTLED_MS = 3_600_000;
const PAGE = 1_000;
/** Form of Muster's keys; other objects in the bucket are ignored. */
const OURS = /^[^/]+\/[^/]+\/([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(\.[a-z0-9.]+)?$/;

/**
 * Crashes leave entries in the journal of uploads, so an unknown object is rare. Many at once mean that the database does not
 * belong to this store: it was restored from an older dump, or is another one. Then the orphans are backups still needed.
 */
const MOST_ORPHANS = 3;
/** Keys of orphans beyond this are not kept. */
const MOST_KEPT_KEYS = 10_000;

export async function sweep(deps: SweepDeps, { force = false } = {}): Promise<Swept> {
  const swept = await compare(deps);
  swept.removed = force || swept.orphans.length <= MOST_ORPHANS;
  if (swept.removed) for (const key of swept.orphans) await deps.objects.remove(key);
  return swept;
}

async function compare(deps: SweepDeps): Promise<Swept> {
  const now = deps.clock.now();
  const settledBefore = new Date(now.getTime() - SETTLED_MS);
  const since = await beginSweeping(deps.database, now);
  const swept: Swept = { objects: 0, orphans: [], removed: false, lost: [] };
  const rows = readRows(deps.database, settledBefore);
  let row = await rows.next();
  const strangers: string[] = [];
  for await (const { key } of deps.objects.list("")) {
    swept.objects += 1;
    for (; !row.done && row.value.objectKey < key; row = await rows.next()) await missing(deps, row.value.id, swept);
    if (!row.done && row.value.objectKey === key) row = await rows.next();
    else if (bornBetween(key, since, settledBefore)) strangers.push(key);
    if (strangers.length >= PAGE) await judge(deps, strangers.splice(0), swept);
  }
  for (; !row.done; row = await rows.next()) await missing(deps, row.value.id, swept);
  await judge(deps, strangers, swept);
  return swept;
}

async function* readRows(database: Queryable, before: Date) {
  for (let after = ""; ;) {
    const page = await listKeys(database, after, before, PAGE);
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = last.objectKey;
  }
}

/** Asks the store once more for this object, then checks again that the row still exists. */
async function missing({ objects, ...deps }: SweepDeps, id: string, swept: Swept): Promise<void> {
  const { database } = deps;
  const before = await findBackup(database, id);
  if (!before || (await objects.head(before.objectKey))) return;
  const backup = await findBackup(database, id);
  if (!backup) return;
  await record(deps, backup, "lost", "its object is not in the store");
  swept.lost.push(backup.id);
}

/** Objects of rows younger than the listing, of uploads under way and of waiting removals are not orphans. */
async function judge({ database }: SweepDeps, keys: string[], swept: Swept): Promise<void> {
  if (keys.length === 0) return;
  const accounted = new Set(
    (
      await Promise.all([
        listUploadKeys(database, keys),
        listRemovalKeys(database, keys),
        listKnownKeys(database, keys),
      ])
    ).flat(),
  );
  for (const key of keys) if (!accounted.has(key) && swept.orphans.length < MOST_KEPT_KEYS) swept.orphans.push(key);
}

function bornBetween(key: string, since: Date, before: Date): boolean {
  const [, high, low] = OURS.exec(key) ?? [];
  if (high === undefined || low === undefined) return false;
  const bornMs = parseInt(high + low, 16);
  return bornMs >= since.getTime() && bornMs < before.getTime();
}

/** Objects older than the first sweep are never judged. */
async function beginSweeping(db: Queryable, now: Date): Promise<Date> {
  const [row] = await db.query<{ since: Date }>(
    `update backup_installation set sweeping_since = coalesce(sweeping_since, $1) returning sweeping_since as since`,
    [now],
  );
  return row?.since ?? now;
}
