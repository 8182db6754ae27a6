// Stores records in their systems' chains, each between its neighbors by receive time.
import type { Queryable } from "../../../ports/database.ts";
import type { IncomingRecord } from "../intake/payload.ts";

/** Serializes the writers of these systems' chains. Returns those that still exist, and when each last sent an inventory. */
export async function lockSystems(db: Queryable, systemIds: string[]): Promise<Map<string, Date | null>> {
  const rows = await db.query<{ id: string; lastInventoryAt: Date | null }>(
    `select id, last_inventory_at as "lastInventoryAt" from systems where id = any($1::uuid[]) order by id for no key update`,
    [systemIds],
    { name: "lock-systems" },
  );
  return new Map(rows.map((row) => [row.id, row.lastInventoryAt]));
}

/**
 * Makes room for late records: where the predecessor was seen again after them, that sighting becomes a record of its own
 * (A, then late B, then A again), so that the newest record stays the newest state. `copyIds` are new ids, one a record.
 * Returns the successors that were linked anew; what was compared stays right, as the copy has the same content.
 */
export async function splitSightings(db: Queryable, records: IncomingRecord[], copyIds: string[]): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `with late as (
       select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::uuid[])
         as t (id, system_id, received_at, data_hash, copy_id)
       where not exists (select from inventory_records r where r.id = t.id)
     ), seen_again as (
       select l.copy_id, p.id from late l
       cross join lateral (
         select r.id, r.data_hash, r.received_at, r.last_seen_at from inventory_records r
         where r.system_id = l.system_id and (r.received_at, r.id) < (l.received_at, l.id)
         order by r.received_at desc, r.id desc limit 1
       ) p
       where p.last_seen_at > l.received_at and p.data_hash <> l.data_hash
         -- A sighting in the very millisecond of the successor has no place of its own before it.
         and not exists (
           select from inventory_records n
           where n.system_id = l.system_id and n.received_at <= p.last_seen_at and (n.received_at, n.id) > (p.received_at, p.id)
         )
     ), copied as (
       insert into inventory_records
         (id, system_id, received_at, last_seen_at, data, data_hash, data_size, repaired, partial_reasons, previous_record_id)
       select s.copy_id, r.system_id, r.last_seen_at, r.last_seen_at, r.data, r.data_hash, r.data_size, r.repaired, r.partial_reasons, r.id
       from seen_again s join inventory_records r using (id)
     ), successors as (
       update inventory_records r set previous_record_id = s.copy_id from seen_again s where r.previous_record_id = s.id
       returning r.id, r.previous_record_id
     ), relabelled as (
       update inventory_diffs d set previous_record_id = s.previous_record_id from successors s where d.record_id = s.id
     ), unseen as (
       update inventory_records r set last_seen_at = r.received_at from seen_again s where r.id = s.id
     )
     select id from successors`,
    [
      records.map((record) => record.id),
      records.map((record) => record.systemId),
      records.map((record) => record.receivedAt),
      records.map((record) => record.hash),
      copyIds,
    ],
  );
  return rows.map((row) => row.id);
}

/**
 * Puts each record between its neighbors by receive time. One that equals its predecessor only moves that one's
 * `last_seen_at`; one that comes late takes its place as the predecessor of its successor. One record a system and call.
 * Returns the successors that were linked anew.
 */
export async function insertRecords(db: Queryable, records: IncomingRecord[]): Promise<string[]> {
  const { bytes, starts, sizes } = packTexts(records);
  const rows = await db.query<{ id: string }>(
    `with incoming as (
       select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::bigint[], $6::integer[], $7::text[], $9::integer[], $10::integer[],
           $11::timestamptz[])
         as t (id, system_id, received_at, data_hash, data_size, repaired, partial_reasons, text_start, text_size, device_time)
     ), placed as (
       select i.*, p.id as previous_id, p.data_hash as previous_hash, n.id as next_id
       from incoming i
       left join lateral (
         select r.id, r.data_hash from inventory_records r
         where r.system_id = i.system_id and (r.received_at, r.id) < (i.received_at, i.id)
         order by r.received_at desc, r.id desc limit 1
       ) p on true
       left join lateral (
         select r.id from inventory_records r
         where r.system_id = i.system_id and (r.received_at, r.id) > (i.received_at, i.id)
         order by r.received_at, r.id limit 1
       ) n on true
     ), inserted as (
       insert into inventory_records
         (id, system_id, received_at, last_seen_at, device_time, data, data_hash, data_size, repaired, partial_reasons, previous_record_id, diffed_at)
       select id, system_id, received_at, received_at, device_time,
         convert_from(substr($8::bytea, text_start, text_size), 'UTF8')::json, data_hash, data_size, repaired,
         array(select json_array_elements_text(partial_reasons::json)), previous_id,
         case when previous_id is null then received_at end
       from placed where previous_hash is distinct from data_hash
       on conflict (id) do nothing
       returning id
     ), touched as (
       update inventory_records r set last_seen_at = greatest(r.last_seen_at, p.received_at)
       from placed p where r.id = p.previous_id and p.previous_hash = p.data_hash
     )
     update inventory_records r set previous_record_id = p.id, diffed_at = null, change_count = 0
     from placed p join inserted i on i.id = p.id where r.id = p.next_id
     returning r.id`,
    [
      records.map((record) => record.id),
      records.map((record) => record.systemId),
      records.map((record) => record.receivedAt),
      records.map((record) => record.hash),
      records.map((record) => record.size),
      records.map((record) => record.repaired),
      records.map((record) => JSON.stringify(record.partialReasons)),
      bytes,
      starts,
      sizes,
      records.map((record) => record.deviceTime ?? null),
    ],
    { name: "insert-records" },
  );
  return rows.map((row) => row.id);
}

/** Joins the texts into one binary parameter: in an array of texts every quote would be escaped, and unescaped by PostgreSQL. */
function packTexts(records: IncomingRecord[]) {
  const texts = records.map((record) => Buffer.from(record.text));
  const sizes = texts.map((text) => text.length);
  let next = 1;
  const starts = sizes.map((size) => (next += size) - size);
  return { bytes: Buffer.concat(texts), starts, sizes };
}

/** Deletes the diffs of records that got another predecessor: a comparison with the old one is no link of the chain any more. */
export async function deleteDiffsOf(db: Queryable, recordIds: string[]): Promise<void> {
  await db.query(`delete from inventory_diffs where record_id = any($1::uuid[])`, [recordIds]);
}

export interface UndiffedRecord {
  id: string;
  systemId: string;
  size: number;
}

/** Finds, of these records, those that still wait for their comparison. */
export async function findUndiffed(db: Queryable, recordIds: string[]): Promise<UndiffedRecord[]> {
  return db.query(
    `select id, system_id as "systemId", data_size::integer as size from inventory_records where id = any($1::uuid[]) and diffed_at is null`,
    [recordIds],
    {
      name: "find-undiffed",
    },
  );
}

export async function findTexts(db: Queryable, recordIds: string[]): Promise<Map<string, string>> {
  const rows = await db.query<{ id: string; text: string }>(
    `select id, data::text as text from inventory_records where id = any($1::uuid[])`,
    [recordIds],
    {
      name: "find-texts",
    },
  );
  return new Map(rows.map((row) => [row.id, row.text]));
}

export interface NewestRecord {
  systemId: string;
  recordId: string;
  receivedAt: Date;
  previousRecordId: string | null;
  partialReasons: string[];
  bytes: number;
}

/** Finds, of these records, those that are their system's newest. */
export async function findNewest(db: Queryable, recordIds: string[]): Promise<NewestRecord[]> {
  return db.query(
    `select r.system_id as "systemId", r.id as "recordId", r.received_at as "receivedAt",
       r.previous_record_id as "previousRecordId", r.partial_reasons as "partialReasons", r.data_size::integer as bytes
     from inventory_records r
     where r.id = any($1::uuid[]) and not exists (
       select from inventory_records n where n.system_id = r.system_id and (n.received_at, n.id) > (r.received_at, r.id)
     )
     order by r.system_id`,
    [recordIds],
    { name: "find-newest" },
  );
}
