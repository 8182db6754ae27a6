// Finds pruned records by the changes that outlived them, and stores those that were brought back.
import type { Queryable } from "../../../ports/database.ts";
import type { ChangeType } from "../diff/diff.ts";

export interface PrunedRecord {
  id: string;
  systemId: string;
  /** With the microseconds that a JavaScript Date would cut. */
  receivedAt: string;
}

/** Finds, of these records, those that were compared once and were pruned since. */
export async function findPrunedIds(db: Queryable, recordIds: string[]): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>(
    `select distinct d.record_id as id from inventory_diffs d
     where d.record_id = any($1::uuid[]) and not exists (select from inventory_records r where r.id = d.record_id)`,
    [recordIds],
  );
  return new Set(rows.map((row) => row.id));
}

/** The records whose changes come right before and right after each of these, where they were pruned. In the chain's order. */
export async function findPrunedNeighbors(
  db: Queryable,
  records: { id: string; systemId: string; receivedAt: Date }[],
): Promise<PrunedRecord[]> {
  return db.query(
    `select distinct n.record_id as id, l.system_id as "systemId", n.detected_at::text as "receivedAt", n.detected_at
     from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as l (id, system_id, received_at)
     cross join lateral (
       (select d.record_id, d.detected_at from inventory_diffs d
        where d.system_id = l.system_id and (d.detected_at, d.record_id) < (l.received_at, l.id)
        order by d.detected_at desc, d.record_id desc limit 1)
       union all
       (select d.record_id, d.detected_at from inventory_diffs d
        where d.system_id = l.system_id and (d.detected_at, d.record_id) > (l.received_at, l.id)
        order by d.detected_at, d.record_id limit 1)
     ) n
     where not exists (select from inventory_records r where r.id = n.record_id)
     order by l.system_id, n.detected_at, n.record_id`,
    [
      records.map((record) => record.id),
      records.map((record) => record.systemId),
      records.map((record) => record.receivedAt),
    ],
  );
}

interface KeptRecord {
  id: string;
  receivedAt: string;
  text: string;
}

export async function findKeptBefore(db: Queryable, pruned: PrunedRecord): Promise<KeptRecord | undefined> {
  const [row] = await db.query<KeptRecord>(
    `select id, received_at::text as "receivedAt", data::text as text from inventory_records
     where system_id = $1 and (received_at, id) < ($2::timestamptz, $3::uuid)
     order by received_at desc, id desc limit 1`,
    [pruned.systemId, pruned.receivedAt, pruned.id],
  );
  return row;
}

/** Records with changes, those after `kept` up to and including `pruned`, in the chain's order. */
export async function listChangedBetween(
  db: Queryable,
  kept: Pick<KeptRecord, "id" | "receivedAt">,
  pruned: PrunedRecord,
): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `select record_id as id from inventory_diffs
     where system_id = $1 and (detected_at, record_id) > ($2::timestamptz, $3::uuid)
       and (detected_at, record_id) <= ($4::timestamptz, $5::uuid)
     group by detected_at, record_id order by detected_at, record_id`,
    [pruned.systemId, kept.receivedAt, kept.id, pruned.receivedAt, pruned.id],
  );
  return rows.map((row) => row.id);
}

export interface StoredDiff {
  pointer: string;
  fieldPath: string;
  changeType: ChangeType;
  previousText: string | null;
  currentText: string | null;
}

export async function listDiffs(db: Queryable, recordId: string): Promise<StoredDiff[]> {
  return db.query(
    `select pointer, field_path as "fieldPath", change_type as "changeType", previous_value::text as "previousText",
       current_value::text as "currentText"
     from inventory_diffs where record_id = $1 order by position`,
    [recordId],
  );
}

interface RestoredRecord extends PrunedRecord {
  text: string;
  hash: string;
  size: number;
}

/** Stores the record as its changes tell it, as already compared, and no longer counts it among the pruned ones of its day. */
export async function insertRestored(db: Queryable, record: RestoredRecord): Promise<void> {
  await db.query(
    `with restored as (
       insert into inventory_records
         (id, system_id, received_at, last_seen_at, data, data_hash, data_size, previous_record_id, diffed_at, change_count)
       select $1, $2, $3::timestamptz, $3::timestamptz, $4::json, $5, $6,
         (array_agg(previous_record_id))[1], $3::timestamptz, count(*)
       from inventory_diffs where record_id = $1
     )
     update inventory_pruned_days set records = records - 1
     where system_id = $2 and day = ($3::timestamptz at time zone 'UTC')::date and records > 0`,
    [record.id, record.systemId, record.receivedAt, record.text, record.hash, record.size],
  );
}
