// Stores what changed along the chains: pairs of neighbors to compare, and the changes of those that were compared.
import type { Queryable } from "../../../ports/database.ts";

/** A pair of neighbors to compare; `size` is the record's, `bytes` that of both, as received. */
export interface Pair {
  recordId: string;
  previousRecordId: string;
  systemId: string;
  receivedAt: Date;
  size: number;
  bytes: number;
}

export async function findPairs(db: Queryable, recordIds: string[]): Promise<Pair[]> {
  return db.query(
    `select r.id as "recordId", p.id as "previousRecordId", r.system_id as "systemId", r.received_at as "receivedAt",
       r.data_size::integer as size, (r.data_size + p.data_size)::integer as bytes
     from inventory_records r join inventory_records p on p.id = r.previous_record_id
     where r.id = any($1::uuid[]) and r.diffed_at is null`,
    [recordIds],
    { name: "find-pairs" },
  );
}

export interface DiffRow {
  id: string;
  position: number;
  pointer: string;
  fieldPath: string;
  /** JSON text. */
  elements: string | null;
  changeType: string;
  category: string;
  severity: string;
  significant: boolean;
  suppressedBy: string | null;
  /** JSON text; null when there was no value. */
  previousValue: string | null;
  currentValue: string | null;
}

export interface ComparedPair extends Pair {
  diffs: DiffRow[];
}

/** Marks the pairs as compared, unless somebody did already or a late record came between. Returns those it marked. */
export async function markDiffed(db: Queryable, pairs: ComparedPair[], now: Date): Promise<Set<string>> {
  const rows = await db.query<{ id: string }>(
    `update inventory_records r set diffed_at = $4, change_count = t.change_count
     from unnest($1::uuid[], $2::uuid[], $3::integer[]) as t (id, previous_record_id, change_count)
     where r.id = t.id and r.previous_record_id = t.previous_record_id and r.diffed_at is null
     returning r.id`,
    [
      pairs.map((pair) => pair.recordId),
      pairs.map((pair) => pair.previousRecordId),
      pairs.map((pair) => pair.diffs.length),
      now,
    ],
    { name: "mark-diffed" },
  );
  return new Set(rows.map((row) => row.id));
}

type PlacedDiff = DiffRow & { pair: Pair };

/** Most rows, and most characters of values, of one statement, so that each ends in its time, however much changed. */
const DIFFS_PER_STATEMENT = 2_000;
const CHARACTERS_PER_STATEMENT = 2 * 1024 ** 2;

export async function insertDiffs(db: Queryable, pairs: ComparedPair[]): Promise<void> {
  let step: PlacedDiff[] = [];
  let characters = 0;
  for (const pair of pairs)
    for (const diff of pair.diffs) {
      step.push({ ...diff, pair });
      characters += (diff.previousValue?.length ?? 0) + (diff.currentValue?.length ?? 0);
      if (step.length < DIFFS_PER_STATEMENT && characters < CHARACTERS_PER_STATEMENT) continue;
      await insertDiffRows(db, step);
      step = [];
      characters = 0;
    }
  if (step.length > 0) await insertDiffRows(db, step);
}

async function insertDiffRows(db: Queryable, rows: PlacedDiff[]): Promise<void> {
  await db.query(
    `insert into inventory_diffs (id, system_id, record_id, previous_record_id, detected_at, position, pointer, field_path,
       elements, change_type, category, severity, significant, folded, previous_value, current_value, value_bytes, feed_epoch)
     select id, system_id, record_id, previous_record_id, detected_at, position, pointer, field_path,
       elements::json, change_type, category, severity, significant, folded, previous_value::json, current_value::json,
       coalesce(octet_length(previous_value), 0) + coalesce(octet_length(current_value), 0), (select feed_epoch())
     from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::integer[], $7::text[], $8::text[], $9::text[],
       $10::text[], $11::text[], $12::boolean[], $13::text[], $14::text[], $15::text[],
       $16::text[])
       as t (id, system_id, record_id, previous_record_id, detected_at, position, pointer, field_path,
         change_type, category, severity, significant, folded, previous_value, current_value, elements)`,
    [
      rows.map((row) => row.id),
      rows.map((row) => row.pair.systemId),
      rows.map((row) => row.pair.recordId),
      rows.map((row) => row.pair.previousRecordId),
      rows.map((row) => row.pair.receivedAt),
      rows.map((row) => row.position),
      rows.map((row) => row.pointer),
      rows.map((row) => row.fieldPath),
      rows.map((row) => row.changeType),
      rows.map((row) => row.category),
      rows.map((row) => row.severity),
      rows.map((row) => row.significant),
      rows.map((row) => row.suppressedBy),
      rows.map((row) => row.previousValue),
      rows.map((row) => row.currentValue),
      rows.map((row) => row.elements),
    ],
    { name: "insert-diffs" },
  );
}

export interface SignificantDiff {
  id: string;
  systemId: string;
  fieldPath: string;
  changeType: string;
  category: string;
  severity: string;
}

export async function findSignificantDiffs(db: Queryable, recordIds: string[]): Promise<SignificantDiff[]> {
  return db.query(
    `select id, system_id as "systemId", field_path as "fieldPath", change_type as "changeType", category, severity
     from inventory_diffs where record_id = any($1::uuid[]) and significant order by record_id, position`,
    [recordIds],
    { name: "find-significant-diffs" },
  );
}
