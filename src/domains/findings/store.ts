// Writes inventory_alerts: the one statement that raises findings, the one that resolves them, and the one that deletes them.
import type { Queryable } from "../../ports/database.ts";
import type { Resolution } from "./kinds.ts";

/**
 * Raises what `rows` selects, at the time of the parameter `now`. Of a cause that is open only the text, the severity and the
 * time it was seen change, and only by a newer sighting; without a time every other text is newer.
 *
 * `rows` has id, system_id, diff_id, alert_type, cause, severity, message and seen_at, and leaves out what must not be
 * raised again. The caller's statement may have common table expressions before it.
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
 * Resolves what `rows` selects, at the time of the parameter `now`: id, resolution, and the time a change was seen, or null.
 * Of one that an operator accepted, only the resolution changes. What another transaction has resolved meanwhile stays so.
 */
export const resolving = (rows: string, now: string) =>
  `update inventory_alerts a set is_resolved = true, resolved_at = coalesce(a.resolved_at, ${now}),
     resolution = over.resolution, seen_at = coalesce(over.seen_at, a.seen_at)
   from (${rows}) over
   where over.id = a.id and (not a.is_resolved or a.resolution = 'accepted')`;

/** An operator's word about one finding. Of one that is not open, nothing changes. */
export async function resolveOne(db: Queryable, id: string, resolution: Resolution, now: Date): Promise<void> {
  const rows = `select id, $2::text as resolution, null::timestamptz as seen_at from inventory_alerts where id = $1 and not is_resolved`;
  await db.query(resolving(rows, "$3::timestamptz"), [id, resolution, now]);
}

/** Events that were last seen before then, at most `limit`. Returns how many. */
export async function resolveAged(
  db: Queryable,
  { kind, before, now, limit }: { kind: string; before: Date; now: Date; limit: number },
): Promise<number> {
  const rows = `select id, 'age' as resolution, null::timestamptz as seen_at from inventory_alerts
    where not is_resolved and alert_type = $1 and coalesce(seen_at, created_at) < $2 order by created_at, id limit $4`;
  return (await db.query(`${resolving(rows, "$3::timestamptz")} returning a.id`, [kind, before, now, limit])).length;
}

/** What an operator accepted is remembered as long as its cause lasts: it keeps the same cause from being raised again. */
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
