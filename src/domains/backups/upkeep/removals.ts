// Removes objects whose rows are gone, and abandoned uploads; retries until each removal succeeds.
import { reasonOf } from "../../../errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import type { ObjectStore } from "../../../ports/objects.ts";
import { giveUpUploads } from "../upload/reservations.ts";
import { DAY_MS } from "../../../values/time.ts";

interface RemovalDeps {
  database: Queryable;
  objects: ObjectStore;
  clock: Clock;
}

/** An upload counts as abandoned after ten missed renewals. */
const ABANDONED_MS = 10 * 60_000;
/** Age at which files and parts of uploads that ended with their process are removed. */
const REMAINS_MS = DAY_MS;
const BATCH = 100;
const FIRST_RETRY_MS = 60_000;
const LONGEST_RETRY_MS = 6 * 3_600_000;

interface Tidied {
  abandoned: number;
  removed: number;
  /** Removals that failed and are retried later, at growing intervals. */
  postponed: number;
}

/** Safe to repeat. A failed removal never stops the others. */
export async function tidy({ database, objects, clock }: RemovalDeps): Promise<Tidied> {
  const now = clock.now();
  const tidied = { abandoned: await giveUpUploads(database, before(now, ABANDONED_MS)), removed: 0, postponed: 0 };
  for (;;) {
    const due = await listDueRemovals(database, now, BATCH);
    for (const { objectKey, attempts } of due) {
      try {
        await objects.remove(objectKey);
        await deleteRemoval(database, objectKey);
        tidied.removed += 1;
      } catch (error) {
        const delayMs = Math.min(FIRST_RETRY_MS * 2 ** attempts, LONGEST_RETRY_MS);
        await postponeRemoval(database, objectKey, new Date(now.getTime() + delayMs), reasonOf(error).slice(0, 500));
        tidied.postponed += 1;
      }
    }
    if (due.length < BATCH) break;
  }
  await objects.clearRemains(before(now, REMAINS_MS));
  return tidied;
}

const before = (now: Date, ms: number) => new Date(now.getTime() - ms);

async function listDueRemovals(
  db: Queryable,
  now: Date,
  limit: number,
): Promise<{ objectKey: string; attempts: number }[]> {
  return db.query(
    `select object_key as "objectKey", attempts from backup_removals
     where due_at is null or due_at <= $1 order by due_at nulls first, object_key limit $2`,
    [now, limit],
  );
}

async function deleteRemoval(db: Queryable, objectKey: string): Promise<void> {
  await db.query(`delete from backup_removals where object_key = $1`, [objectKey]);
}

async function postponeRemoval(db: Queryable, objectKey: string, dueAt: Date, reason: string): Promise<void> {
  await db.query(
    `update backup_removals set attempts = least(attempts + 1, 20), due_at = $2, reason = $3 where object_key = $1`,
    [objectKey, dueAt, reason.replaceAll("\0", "")],
  );
}

/** Of the keys, those that wait for removal. */
export async function listRemovalKeys(db: Queryable, keys: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ object_key: string }>(
    `select object_key from backup_removals where object_key = any($1)`,
    [keys],
  );
  return rows.map((row) => row.object_key);
}

export async function countRemovals(db: Queryable): Promise<{ waiting: number; failing: number }> {
  const [row] = await db.query<{ waiting: number; failing: number }>(
    `select count(*)::integer as waiting, count(*) filter (where attempts > 2)::integer as failing from backup_removals`,
  );
  return row ?? { waiting: 0, failing: 0 };
}
