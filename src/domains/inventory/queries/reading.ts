// Reads records, changes, days and totals for people. Values come as JSON text, so numbers keep theirs.
import type { Queryable } from "../../../ports/database.ts";
import { PAGE_BYTES, PAGE_SHARE, ROW_BYTES, VALUE_BYTES, shownValue } from "../../../values/json/page.ts";
import type { ChangesQuery } from "../schema.ts";

export interface RecordRow {
  id: string;
  received_at: Date;
  last_seen_at: Date;
  device_time: Date | null;
  data_hash: string;
  data_size: number;
  change_count: number;
  repaired: number;
  partial_reasons: string[];
  pinned: boolean;
}

const RECORD = `id, received_at, last_seen_at, device_time, data_hash, data_size, change_count, repaired, partial_reasons,
  pinned_at is not null as pinned`;

export async function findLatestRecord(
  db: Queryable,
  systemId: string,
): Promise<(RecordRow & { text: string }) | undefined> {
  const [row] = await db.query<RecordRow & { text: string }>(
    `select ${RECORD}, data::text as text from inventory_records where system_id = $1 order by received_at desc, id desc limit 1`,
    [systemId],
  );
  return row;
}

export async function findRecord(
  db: Queryable,
  systemId: string,
  id: string,
): Promise<(RecordRow & { text: string }) | undefined> {
  const [row] = await db.query<RecordRow & { text: string }>(
    `select ${RECORD}, data::text as text from inventory_records where system_id = $1 and id = $2`,
    [systemId, id],
  );
  return row;
}

/** Newest first, older than the record `before`. */
export async function listRecords(
  db: Queryable,
  systemId: string,
  limit: number,
  before: readonly [receivedAt: string, id: string] | undefined,
): Promise<(RecordRow & { sort_time: string })[]> {
  return db.query(
    `select ${RECORD}, ${isoTime("received_at")} as sort_time from inventory_records
     where system_id = $1 and ($2::timestamptz is null or (received_at, id) < ($2, $3::uuid))
     order by received_at desc, id desc limit $4`,
    [systemId, before?.[0] ?? null, before?.[1] ?? null, limit],
  );
}

export interface ChangeRow {
  id: string;
  record_id: string;
  previous_record_id: string;
  position: number;
  pointer: string;
  field_path: string;
  elements_text: string | null;
  change_type: string;
  category: string;
  severity: string;
  significant: boolean;
  suppressed: string | null;
  value_bytes: number;
  /** Then the texts are the beginnings of the values. */
  truncated: boolean;
  previous_text: string | null;
  current_text: string | null;
  detected_at: Date;
  sort_time: string;
}

const CHANGE = `id, record_id, previous_record_id, position, pointer, field_path, elements::text as elements_text, change_type, category,
  severity, significant, folded as suppressed, detected_at, ${isoTime("detected_at")} as sort_time`;

/**
 * Newest first; within a record the last change first, so the list read backwards is the order of replay. As many as fit on a
 * page, which is known before any value is read; `more` says that others follow.
 */
export async function listChanges(
  db: Queryable,
  systemId: string,
  query: Omit<ChangesQuery, "cursor">,
  before: readonly [detectedAt: string, recordId: string, position: string] | undefined,
): Promise<{ rows: ChangeRow[]; more: boolean }> {
  const rows = await db.query<ChangeRow & { found: number }>(
    `with found as (
     select d.*, ${VALUE_BYTES} as bytes from inventory_diffs d
     where system_id = $1
       and ($2::text[] is null or severity = any($2))
       and ($3::text[] is null or category = any($3))
       and ($4::text[] is null or change_type = any($4))
       and ($5::timestamptz is null or detected_at >= $5)
       and ($6::timestamptz is null or detected_at <= $6)
       and ($7::boolean is null or significant = $7)
       and ($8::timestamptz is null or (detected_at, record_id, position) < ($8, $9::uuid, $10::integer))
     order by detected_at desc, record_id desc, position desc limit $11
     ), page as (
       select *, count(*) over ()::integer as found,
         sum(${PAGE_SHARE}) over (order by detected_at desc, record_id desc, position desc rows unbounded preceding) - ${PAGE_SHARE} as ahead
       from found
     )
     select ${CHANGE}, found, bytes as value_bytes, bytes > ${ROW_BYTES} as truncated, ${shownValue("previous_value")} as previous_text,
       ${shownValue("current_value")} as current_text
     from page where ahead < ${PAGE_BYTES} order by detected_at desc, record_id desc, position desc`,
    [
      systemId,
      query.severity?.split(",") ?? null,
      query.category?.split(",") ?? null,
      query.change_type?.split(",") ?? null,
      query.from === undefined ? null : new Date(query.from),
      query.to === undefined ? null : new Date(query.to),
      query.significant ?? null,
      before?.[0] ?? null,
      before?.[1] ?? null,
      before?.[2] ?? null,
      query.limit,
    ],
  );
  const more = rows.length === query.limit || rows.length < (rows[0]?.found ?? 0);
  return { rows: rows.map(({ found, ...row }) => row), more };
}

/** One change with its values whole. */
export async function findChange(db: Queryable, systemId: string, id: string): Promise<ChangeRow | undefined> {
  const [row] = await db.query<ChangeRow>(
    `select ${CHANGE}, ${VALUE_BYTES} as value_bytes, false as truncated, previous_value::text as previous_text,
       current_value::text as current_text
     from inventory_diffs d where system_id = $1 and id = $2`,
    [systemId, id],
  );
  return row;
}

interface TimelineDay {
  date: string;
  change_count: number;
  critical: number;
  high: number;
  medium: number;
  low: number;
}

/** Days (UTC) with significant changes, newest first, by the changes' own time, so pruned records do not empty them. */
export async function listDays(
  db: Queryable,
  systemId: string,
  limit: number,
  before: string | undefined,
): Promise<TimelineDay[]> {
  return db.query(
    `select to_char(detected_at at time zone 'UTC', 'YYYY-MM-DD') as date, count(*)::integer as change_count,
       count(*) filter (where severity = 'critical')::integer as critical, count(*) filter (where severity = 'high')::integer as high,
       count(*) filter (where severity = 'medium')::integer as medium, count(*) filter (where severity = 'low')::integer as low
     from inventory_diffs
     where system_id = $1 and significant and ($2::date is null or detected_at < $2::date::timestamp at time zone 'UTC')
     group by 1 order by 1 desc limit $3`,
    [systemId, before ?? null, limit],
  );
}

/** Records received on the days from `first` to `last` (UTC dates), also those that were pruned since. */
export async function countRecordsByDay(
  db: Queryable,
  systemId: string,
  first: string,
  last: string,
): Promise<Map<string, number>> {
  const rows = await db.query<{ date: string; count: number }>(
    `select to_char(day, 'YYYY-MM-DD') as date, sum(records)::integer as count from (
       select (received_at at time zone 'UTC')::date as day, count(*) as records from inventory_records
       where system_id = $1 and received_at >= $2::date::timestamp at time zone 'UTC'
         and received_at < ($3::date + 1)::timestamp at time zone 'UTC'
       group by 1
       union all
       select day, records from inventory_pruned_days where system_id = $1 and day between $2::date and $3::date
     ) days
     group by 1`,
    [systemId, first, last],
  );
  return new Map(rows.map((row) => [row.date, row.count]));
}

export async function sumChanges(
  db: Queryable,
  systemId: string,
): Promise<Record<"total" | "critical" | "high" | "medium" | "low", number>> {
  const [row] = await db.query<Record<"total" | "critical" | "high" | "medium" | "low", number>>(
    `select count(*)::integer as total,
       count(*) filter (where severity = 'critical')::integer as critical, count(*) filter (where severity = 'high')::integer as high,
       count(*) filter (where severity = 'medium')::integer as medium, count(*) filter (where severity = 'low')::integer as low
     from inventory_diffs where system_id = $1 and significant`,
    [systemId],
  );
  return row ?? { total: 0, critical: 0, high: 0, medium: 0, low: 0 };
}

/** Significant changes of the whole fleet since then, by severity. */
export async function countRecentChanges(db: Queryable, since: Date): Promise<Record<string, number>> {
  const rows = await db.query<{ severity: string; count: number }>(
    `select severity, count(*)::integer as count from inventory_diffs where significant and detected_at >= $1 group by 1`,
    [since],
  );
  return Object.fromEntries(rows.map((row) => [row.severity, row.count]));
}

/** A time as cursors carry it: every digit that PostgreSQL compares, which a JavaScript Date would cut. */
function isoTime(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
