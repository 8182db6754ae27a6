// Writes inventory_alerts: the one statement that raises findings, the one that resolves them, and the one that deletes them.
import type { Queryable } from "../../ports/database.ts";
import type { Resolution } from "./kinds.ts";

/**
 * Raises what `rows` selects, at the time of the parameter `now`. Of a finding that is open already, only message, severity and
 * `seen_at` change, and only when the new `seen_at` is later; rows without one count as later when their text differs.
 *
 * `rows` selects id, system_id, diff_id, alert_type, cause, severity, message and seen_at, and leaves out what must not be
 * raised again. The text may follow common table expressions.
 */
export const raising = (rows: string, now: string) =>
  `insert into inventory_alerts as open (id, system_id, diff_id, alert_type, cause, severity, message, created_at, seen_at)
   select r.id, r.system_id, r.diff_id, r.alert_type, r.cause, r.severity, r.message, ${now}, r.seen_at from (${rows}) r
   on conflict (system_id, alert_type, cause) where not is_resolved
   do update set message = excluded.message, severity = excluded.severity, seen_at = excluded.seen_at
   where case when excluded.seen_at is null
     then (open.message, open.severity) is distinct from (excluded.message, excluded.severity)
     else open.seen_at < excluded.seen_at end`;

/**
 * Resolves what `rows` selects (id, resolution, and seen_at or null), at the time of the parameter `now`. Of a finding that an
 * operator accepted, only the resolution changes. A finding that another transaction has resolved meanwhile stays as it is.
 */
export const resolving = (rows: string, now: string) =>
  `update inventory_alerts a set is_resolved = true, resolved_at = coalesce(a.resolved_at, ${now}),
     resolution = over.resolution, seen_at = coalesce(over.seen_at, a.seen_at)
   from (${rows}) over
   where over.id = a.id and (not a.is_resolved or a.resolution = 'accepted')`;

/** Changes nothing when the finding is not open. */
export async function resolveOne(db: Queryable, id: string, resolution: Resolution, now: Date): Promise<void> {
  const rows = `select id, $2::text as resolution, null::timestamptz as seen_at from inventory_alerts where id = $1 and not is_resolved`;
  await db.query(resolving(rows, "$3::timestamptz"), [id, resolution, now]);
}

/** Resolves at most `limit` events that were last seen before then. Returns how many. */
export async function resolveAged(
  db: Queryable,
  { kind, before, now, limit }: { kind: string; before: Date; now: Date; limit: number },
): Promise<number> {
  const rows = `select id, 'age' as resolution, null::timestamptz as seen_at from inventory_alerts
    where not is_resolved and alert_type = $1 and coalesce(seen_at, created_at) < $2 order by created_at, id limit $4`;
  return (await db.query(`${resolving(rows, "$3::timestamptz")} returning a.id`, [kind, before, now, limit])).length;
}

/** A finding that an operator accepted stays: it keeps its cause from being raised again. */
const OLD = `is_resolved and resolved_at < $1 and resolution is distinct from 'accepted'`;

export async function countResolved(db: Queryable, before: Date): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `select count(*)::integer as count from inventory_alerts where ${OLD}`,
    [before],
  );
  return row?.count ?? 0;
}

/** At most `limit`; returns how many went. */
export async function deleteResolved(db: Queryable, before: Date, limit: number): Promise<number> {
  const rows = await db.query(
    `delete from inventory_alerts where id in (
       select id from inventory_alerts where ${OLD} order by resolved_at limit $2 for update skip locked
     ) returning id`,
    [before, limit],
  );
  return rows.length;
}
