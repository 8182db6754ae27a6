// Reads records with their age, deletes those that may go after a second look, and stores pins.
import type { Queryable } from "../../../ports/database.ts";
import { NIL_UUID } from "../../../values/uuid.ts";
import type { AgeingRecord } from "./retention.ts";

/** Finds the last of the next `limit` systems by id; `more` says that others follow. Undefined when there is none. */
export async function findSystemRange(
  db: Queryable,
  after: string,
  limit: number,
): Promise<{ last: string; more: boolean } | undefined> {
  const rows = await db.query<{ id: string }>(`select id from systems where id > $1 order by id limit $2`, [
    after,
    limit + 1,
  ]);
  const last = rows.slice(0, limit).at(-1)?.id;
  return last === undefined ? undefined : { last, more: rows.length > limit };
}

/** Systems by id: those after `after`, up to and including `last`. */
export interface SystemRange {
  after: string;
  last: string;
}

export interface StoredAgeingRecord extends AgeingRecord {
  systemId: string;
  /** Bytes of the document as stored, which is compressed. */
  bytes: number;
  /** The receive time with all its digits, to go on after. */
  sortTime: string;
}

/** In the order of the chains: systems by id, each one's records by receive time. */
export async function listAgeingRecords(
  db: Queryable,
  range: SystemRange,
  before: Date,
  from: Pick<StoredAgeingRecord, "systemId" | "sortTime" | "id"> | undefined,
  limit: number,
): Promise<StoredAgeingRecord[]> {
  return db.query(
    `select r.id, r.system_id as "systemId", r.received_at as "receivedAt", r.last_seen_at as "lastSeenAt",
       r.received_at::text as "sortTime", pg_column_size(r.data) as bytes, r.pinned_at is not null as pinned,
       n.id is null as "isLatest", r.diffed_at is null or (n.id is not null and n.diffed_at is null) as "awaitsComparison"
     from inventory_records r
     left join lateral (${NEXT_RECORD}) n on true
     where (r.system_id, r.received_at, r.id) > ($3::uuid, $4::timestamptz, $5::uuid) and r.system_id <= $1 and r.received_at < $2
     order by r.system_id, r.received_at, r.id limit $6`,
    [range.last, before, from?.systemId ?? range.after, from?.sortTime ?? "infinity", from?.id ?? NIL_UUID, limit],
  );
}

/** Of the record `r`, the one after it in the chain. */
const NEXT_RECORD = `
  select n.id, n.diffed_at from inventory_records n
  where n.system_id = r.system_id and (n.received_at, n.id) > (r.received_at, r.id)
  order by n.received_at, n.id limit 1`;

export async function countYoungRecords(db: Queryable, range: SystemRange, since: Date): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `select count(*)::integer as count from inventory_records where system_id > $1 and system_id <= $2 and received_at >= $3`,
    [range.after, range.last, since],
  );
  return row?.count ?? 0;
}

/**
 * Deletes those that may still go: not the latest, not pinned, compared, and so is the one after. The systems' rows must be
 * locked, so that no record comes beside one that is being deleted. Returns those that went, and adds them to their days.
 */
export async function deleteRecords(db: Queryable, recordIds: string[]): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>(
    `with gone as (
       delete from inventory_records r
       where r.id = any($1::uuid[]) and r.pinned_at is null and r.diffed_at is not null
         and coalesce((select n.diffed_at is not null from (${NEXT_RECORD}) n), false)
       returning r.id, r.system_id, r.received_at
     ), counted as (
       insert into inventory_pruned_days (system_id, day, records)
       select system_id, (received_at at time zone 'UTC')::date, count(*) from gone group by 1, 2 order by 1, 2
       on conflict (system_id, day) do update set records = inventory_pruned_days.records + excluded.records
     )
     select id from gone`,
    [recordIds],
  );
  return new Set(rows.map((row) => row.id));
}

/** When the record was pinned; undefined when the system has no such record. Pinning again changes nothing. */
export async function updatePin(
  db: Queryable,
  systemId: string,
  recordId: string,
  pinnedAt: Date | null,
): Promise<{ pinnedAt: Date | null } | undefined> {
  const [row] = await db.query<{ pinnedAt: Date | null }>(
    `update inventory_records set pinned_at = case when $3::timestamptz is null then null else coalesce(pinned_at, $3) end
     where system_id = $1 and id = $2 returning pinned_at as "pinnedAt"`,
    [systemId, recordId, pinnedAt],
  );
  return row;
}
