// Begins a new epoch of the feed when the database finds itself on another server.
import type { Database, Queryable } from "../../ports/database.ts";

/**
 * Transactions are numbered anew on another server: after a restore from a dump, or on a stand-by that took over. Rows
 * from now on then belong to the next epoch, which comes after all that was there: who writes a row reads its epoch by
 * feed_epoch(), under a lock that the beginning of an epoch waits for, so no row of an older epoch is committed after it.
 */
export async function beginEpoch(database: Database): Promise<void> {
  const server = await identifyServer(database);
  await database.transaction(async (tx) => {
    const current = await lockEpoch(tx);
    if (current?.server === server && !(await isAhead(tx, current.epoch))) return;
    if (current) await lockChanges(tx);
    await insertEpoch(tx, (current?.epoch ?? 0) + 1, server);
  });
}

/**
 * The server's own name and, since a stand-by has the same one, its timeline. Where neither may be asked, a new server is
 * known only by transactions that it has not reached yet (`isAhead`).
 */
async function identifyServer(db: Queryable): Promise<string> {
  const [may] = await db.query<{ ask: boolean }>(
    `select has_function_privilege('pg_control_system()', 'execute') and has_function_privilege('pg_control_checkpoint()', 'execute') as ask`,
  );
  if (!may?.ask) return "unknown";
  const [row] = await db.query<{ server: string }>(
    `select s.system_identifier || '/' || c.timeline_id as server from pg_control_system() s, pg_control_checkpoint() c`,
  );
  return row?.server ?? "unknown";
}

/** True when the epoch has a change of a transaction that this server has not begun: it was written on another one. */
async function isAhead(tx: Queryable, epoch: number): Promise<boolean> {
  const [row] = await tx.query<{ ahead: boolean }>(
    `select exists (
       select from inventory_diffs
       where feed_epoch = $1 and feed_transaction >= pg_snapshot_xmax(pg_current_snapshot())
     ) as ahead`,
    [epoch],
  );
  return row?.ahead ?? false;
}

async function lockEpoch(tx: Queryable): Promise<{ epoch: number; server: string } | undefined> {
  await tx.query(`lock table feed_epochs in share row exclusive mode`);
  const [row] = await tx.query<{ epoch: number; server: string }>(
    `select epoch, server from feed_epochs order by epoch desc limit 1`,
  );
  return row;
}

/** Waits for the writers of changes, and holds new ones up until the epoch is there. */
async function lockChanges(tx: Queryable): Promise<void> {
  await tx.query(`lock table inventory_diffs in share row exclusive mode`);
}

async function insertEpoch(tx: Queryable, epoch: number, server: string): Promise<void> {
  await tx.query(`insert into feed_epochs (epoch, server) values ($1, $2)`, [epoch, server]);
}
