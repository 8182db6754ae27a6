// Raises findings on changes, one for each changed path of a system, and resolves them when the value is as before.
import { randomUUIDv7 } from "bun";
import type { Queryable } from "../../ports/database.ts";
import { raising, resolving } from "./store.ts";

interface ChangeFinding {
  systemId: string;
  diffId: string;
  message: string;
  severity: string;
}

// Tables that grew a moment ago have no statistics, and a join planned without them compares all with all. So each row looks up
// what it needs by itself: "limit", "offset 0" and a value in parentheses are no joins to the planner.

/** The path; where it is too long for an index, its beginning and a digest. */
const CAUSE = `case when octet_length(d.field_path) <= 500 then d.field_path else left(d.field_path, 300) || '#' || md5(d.field_path) end`;
/** Characters of a path that every cause below it begins with. */
const CAUSE_START = 300;

/**
 * A later change of a path whose finding is open updates that finding; its baseline stays the value before the first change. A
 * change that a finding has counted is never counted again, whatever became of the finding.
 */
export async function raiseChanges(db: Queryable, changes: readonly ChangeFinding[], now: Date): Promise<void> {
  if (changes.length === 0) return;
  await db.query(
    `with latest as (
       select distinct on (t.system_id, cause) t.*, ${CAUSE} as cause, d.detected_at
       from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[]) as t (id, system_id, diff_id, message, severity)
       join inventory_diffs d on d.id = t.diff_id
       order by t.system_id, cause, d.detected_at desc, d.position
     )
     ${raising(
       `select t.id, t.system_id, t.diff_id, 'change' as alert_type, t.cause, t.severity, t.message, t.detected_at as seen_at
        from latest t
        where coalesce((
          select max(a.seen_at) from inventory_alerts a
          where a.system_id = t.system_id and a.alert_type = 'change' and a.cause = t.cause
        ), '-infinity') < t.detected_at`,
       "$6::timestamptz",
     )}`,
    [
      changes.map(() => randomUUIDv7()),
      changes.map((one) => one.systemId),
      changes.map((one) => one.diffId),
      changes.map((one) => one.message),
      changes.map((one) => one.severity),
      now,
    ],
    { name: "raise-changes" },
  );
}

/**
 * Resolves findings whose path is as it was before: a changed value is back, a deleted one is there again, a created one is
 * gone; or the path was deleted with what held it, which is a change of its own.
 *
 * Each change looks up the one open finding of its path; only a deletion looks through the findings below it. No deletion of a
 * record is below another one of the same record, so no finding is read twice. ("/" is the character after ".")
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
     ${resolving(
       `select id, 'cause_gone' as resolution, max(detected_at) as seen_at from touched group by id`,
       "$2::timestamptz",
     )}`,
    [recordIds, now],
    { name: "resolve-returned" },
  );
}
