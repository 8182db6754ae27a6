// SQL of alerts on changes: one open alert a place of a system, from its first change until the place is as it was.
import type { Queryable } from "../../ports/database.ts";

export interface ChangeAlert {
  id: string;
  systemId: string;
  diffId: string;
  message: string;
  severity: string;
}

// Tables that grew a moment ago have no statistics, and a join planned without them compares all with all. So each row looks up
// what it needs by itself: "limit", "offset 0" and a value in parentheses are no joins to the planner.

/** What a place is known by: its path, or the beginning and a digest of one that no index would take. */
const CAUSE = `case when octet_length(d.field_path) <= 500 then d.field_path else left(d.field_path, 300) || '#' || md5(d.field_path) end`;
/** Characters of a path that every cause below it begins with. */
const CAUSE_START = 300;

/**
 * A later change of a place whose alert is open is told by that alert; its baseline stays the value before the first. A
 * change that was counted once, in whatever has become of the alert, is never counted again.
 */
export async function insertChangeAlerts(db: Queryable, alerts: readonly ChangeAlert[], now: Date): Promise<void> {
  await db.query(
    `with told as (
       select distinct on (t.system_id, cause) t.*, ${CAUSE} as cause, d.detected_at
       from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[]) as t (id, system_id, diff_id, message, severity)
       join inventory_diffs d on d.id = t.diff_id
       order by t.system_id, cause, d.detected_at desc, d.position
     )
     insert into inventory_alerts as open (id, system_id, diff_id, alert_type, cause, message, severity, created_at, seen_at)
     select t.id, t.system_id, t.diff_id, 'change', t.cause, t.message, t.severity, $6, t.detected_at from told t
     where coalesce((
       select max(a.seen_at) from inventory_alerts a
       where a.system_id = t.system_id and a.alert_type = 'change' and a.cause = t.cause
     ), '-infinity') < t.detected_at
     on conflict (system_id, alert_type, cause) where not is_resolved
     do update set message = excluded.message, severity = excluded.severity, seen_at = excluded.seen_at
     where open.seen_at < excluded.seen_at`,
    [
      alerts.map((alert) => alert.id),
      alerts.map((alert) => alert.systemId),
      alerts.map((alert) => alert.diffId),
      alerts.map((alert) => alert.message),
      alerts.map((alert) => alert.severity),
      now,
    ],
    { name: "insert-change-alerts" },
  );
}

/**
 * Resolves the alerts whose place is as it was before: the value is back, what had gone is there, what had come is gone; or
 * the place itself has gone with what held it, which is a change of its own.
 *
 * Each change looks up the one open alert of its place; only a deletion looks through the alerts below it. Deletions of one
 * record never hold one another, so no alert is looked at twice. ("/" is the character after ".")
 */
export async function resolveReturned(db: Queryable, recordIds: readonly string[], now: Date): Promise<void> {
  await db.query(
    `with touched as (
       select o.id, d.detected_at from inventory_diffs d
       cross join lateral (
         select o.id, o.diff_id from inventory_alerts o
         where (o.system_id, o.alert_type, o.cause) = (d.system_id, 'change', ${CAUSE})
           and not o.is_resolved and o.seen_at < d.detected_at
         limit 1
       ) o
       join inventory_diffs f on f.id = o.diff_id
       where d.record_id = any($1::uuid[]) and d.significant and case f.change_type
         when 'create' then d.change_type = 'delete'
         when 'delete' then d.change_type = 'create'
         -- Of a row that stands for the whole document the value before is the record's.
         else case when f.pointer = '' then (
           select a.data_hash = b.data_hash from inventory_records a, inventory_records b
           where a.id = f.previous_record_id and b.id = d.record_id
         ) else d.current_value::text = f.previous_value::text end
       end
       union all
       select o.id, d.detected_at from inventory_diffs d
       cross join lateral (
         select o.id, o.diff_id from inventory_alerts o
         where o.system_id = d.system_id and o.alert_type = 'change'
           and o.cause > d.field_path || '.' and o.cause < d.field_path || '/'
           and not o.is_resolved and o.seen_at < d.detected_at
         offset 0
       ) o
       join inventory_diffs f on f.id = o.diff_id
       where d.record_id = any($1::uuid[]) and d.significant and d.change_type = 'delete'
         and length(d.field_path) < ${CAUSE_START} and f.change_type <> 'delete'
     )
     update inventory_alerts a set is_resolved = true, resolved_at = $2, resolution = 'cause_gone', seen_at = back.detected_at
     from (select id, max(detected_at) as detected_at from touched group by id) back
     where back.id = a.id and not a.is_resolved`,
    [recordIds, now],
    { name: "resolve-returned" },
  );
}
