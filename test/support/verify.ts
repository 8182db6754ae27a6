// After a fault: everything acknowledged is there, nothing twice, every chain true, every queue drained.
import type { PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import { parseExact, isObject } from "../../src/values/json/value.ts";
import type { JsonObject, JsonValue } from "../../src/values/json/value.ts";
import { sameContent } from "../../src/domains/inventory/diff/normalize.ts";
import { applyChanges } from "../../src/domains/inventory/chain/replay.ts";
import type { Acknowledged } from "./load.ts";

/** What is wrong, one sentence a fault; empty when nothing acknowledged is lost or doubled. */
export async function findFaults(database: PostgresDatabase, acknowledged: Acknowledged): Promise<string[]> {
  return [
    ...(await beatFaults(database, acknowledged)),
    ...(await inventoryFaults(database, acknowledged)),
    ...(await chainFaults(database)),
  ];
}

/** Waits until nothing is pending, delayed or active. Throws with the counts when that takes too long. */
export async function untilDrained(database: PostgresDatabase, timeoutMs = 60_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const rows = await database.query<{ queue: string; count: number }>(
      `select queue, count(*)::integer as count from jobs where state <> 'dead' group by 1`,
    );
    if (rows.length === 0) return;
    if (performance.now() > endMs) throw new Error(`the queues did not drain: ${JSON.stringify(rows)}`);
    await Bun.sleep(100);
  }
}

async function beatFaults(database: PostgresDatabase, { beats }: Acknowledged): Promise<string[]> {
  const rows = await database.query<{ key: string; last: Date }>(
    `select s.system_key as key, h.last_heartbeat as last from system_heartbeats h join systems s on s.id = h.system_id`,
  );
  const stored = new Map(rows.map((row) => [row.key, row.last.getTime()]));
  return [...beats]
    .filter(([key, at]) => (stored.get(key) ?? 0) < at)
    .map(([key, at]) => `the beat of ${key} at ${new Date(at).toISOString()} is lost`);
}

async function inventoryFaults(database: PostgresDatabase, { inventories }: Acknowledged): Promise<string[]> {
  const rows = await database.query<{ key: string; serial: number }>(
    `select s.system_key as key, (r.data -> 'facts' ->> 'serial')::integer as serial from inventory_records r join systems s on s.id = r.system_id`,
  );
  const faults: string[] = [];
  for (const [key, serials] of inventories) {
    const stored = rows.filter((row) => row.key === key).map((row) => row.serial);
    for (const serial of serials) {
      const count = stored.filter((one) => one === serial).length;
      if (count !== 1) faults.push(`the inventory ${serial} of ${key} is stored ${count} times`);
    }
  }
  return faults;
}

interface RecordRow {
  id: string;
  system_id: string;
  text: string;
  diffed: boolean;
}

interface DiffRow {
  record_id: string;
  pointer: string;
  field_path: string;
  change_type: "create" | "update" | "delete";
  previous_text: string | null;
  current_text: string | null;
}

async function chainFaults(database: PostgresDatabase): Promise<string[]> {
  const records = await database.query<RecordRow>(
    `select id, system_id, data::text as text, diffed_at is not null as diffed from inventory_records order by system_id, received_at, id`,
  );
  const diffs = await database.query<DiffRow>(
    `select record_id, pointer, field_path, change_type, previous_value::text as previous_text, current_value::text as current_text
     from inventory_diffs order by record_id, position`,
  );
  const byRecord = Map.groupBy(diffs, (diff) => diff.record_id);
  const faults = records
    .filter((record) => !record.diffed)
    .map((record) => `the record ${record.id} was never compared`);
  for (const [systemId, chain] of Map.groupBy(records, (record) => record.system_id)) {
    let replayed = documentOf(chain[0]?.text);
    for (const record of chain.slice(1)) {
      replayed = applyChanges(replayed, (byRecord.get(record.id) ?? []).map(storedChange));
      if (sameContent(replayed, documentOf(record.text))) continue;
      faults.push(`the chain of ${systemId} is not true at ${record.id}`);
      break;
    }
  }
  return faults;
}

const storedChange = (row: DiffRow) => ({
  pointer: row.pointer,
  fieldPath: row.field_path,
  changeType: row.change_type,
  previousValue: valueOf(row.previous_text),
  currentValue: valueOf(row.current_text),
});

const valueOf = (text: string | null): JsonValue | undefined => (text === null ? undefined : parseExact(text));

function documentOf(text: string | undefined): JsonObject {
  const value = parseExact(text ?? "null");
  if (!isObject(value)) throw new Error("a stored inventory is not an object");
  return value;
}
