// Stores status changes of systems: the status in force and its history, always together. Systems are locked in the order of their ids.
import type { Queryable } from "../../ports/database.ts";

/**
 * Marks systems as active that were heard at those times; those that are active, suspended or no longer registered stay as they
 * are. Returns the ids of those that became active.
 */
export async function activate(db: Queryable, heard: readonly { systemId: string; at: Date }[]): Promise<string[]> {
  if (heard.length === 0) return [];
  const rows = await db.query<{ system_id: string }>(
    `with back as (
       select s.id, b.at from unnest($1::uuid[], $2::timestamptz[]) b (id, at) join systems s on s.id = b.id
       where s.status <> 'active' and s.suspended_at is null and s.registered_at <= b.at
       order by s.id for no key update of s
     ), heard as (
       update systems s set status = 'active' from back b where s.id = b.id returning s.id, b.at
     )
     insert into system_status_changes (system_id, status, changed_at) select id, 'active', at from heard returning system_id`,
    [heard.map((one) => one.systemId), heard.map((one) => one.at)],
  );
  return rows.map((row) => row.system_id);
}

/**
 * Marks systems as inactive that were silent for the whole timeout at the instant `evaluatedAt`; the change is dated to the
 * instant at which the timeout ended.
 */
export async function markInactive(db: Queryable, evaluatedAt: Date, timeoutMs: number): Promise<number> {
  const rows = await db.query(
    `with overdue as (
       select s.id, h.last_heartbeat from systems s join system_heartbeats h on h.system_id = s.id
       where s.status = 'active' and s.suspended_at is null and h.last_heartbeat <= $1
       order by s.id for no key update of s
     ), silent as (
       update systems s set status = 'inactive' from overdue o where s.id = o.id returning s.id, o.last_heartbeat
     )
     insert into system_status_changes (system_id, status, changed_at)
     select id, 'inactive', last_heartbeat + $2 * interval '1 millisecond' from silent returning system_id`,
    [new Date(evaluatedAt.getTime() - timeoutMs), timeoutMs],
  );
  return rows.length;
}

/** Marks systems as active that `activate` could not: they were resumed or registered after their last heartbeat was stored. */
export async function markActive(db: Queryable, now: Date, timeoutMs: number): Promise<string[]> {
  const rows = await db.query<{ system_id: string }>(
    `with back as (
       select s.id, h.last_heartbeat from systems s join system_heartbeats h on h.system_id = s.id
       where s.status <> 'active' and s.suspended_at is null and s.registered_at is not null
         and h.last_heartbeat > $1 and h.last_heartbeat >= s.registered_at
       order by s.id for no key update of s
     ), heard as (
       update systems s set status = 'active' from back b where s.id = b.id returning s.id, b.last_heartbeat
     )
     insert into system_status_changes (system_id, status, changed_at) select id, 'active', last_heartbeat from heard returning system_id`,
    [new Date(now.getTime() - timeoutMs)],
  );
  return rows.map((row) => row.system_id);
}
