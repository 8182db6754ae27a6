// Reads a system's whole history through the API and says whether its chain is true: first record + changes = latest.
import { parseExact, isObject } from "../../src/values/json/value.ts";
import type { JsonObject, JsonValue } from "../../src/values/json/value.ts";
import { sameContent } from "../../src/domains/inventory/diff/normalize.ts";
import { applyChanges } from "../../src/domains/inventory/chain/replay.ts";
import type { StoredChange } from "../../src/domains/inventory/chain/replay.ts";

/** `GET` of an admin path, answering `data` of the envelope as text that keeps big numbers. */
export type AdminGet = (path: string) => Promise<string>;

interface StoredRow {
  record_id: string;
  pointer: string;
  field_path: string;
  change_type: "create" | "update" | "delete";
  previous_value: JsonValue;
  current_value: JsonValue;
}

export interface History {
  /** Oldest first. */
  recordIds: string[];
  /** In the order of replay. */
  changes: StoredRow[];
  first: JsonObject;
  latest: JsonObject;
}

export async function readHistory(get: AdminGet, systemKey: string): Promise<History> {
  const base = `/api/admin/systems/${systemKey}/inventory`;
  const recordIds = (await readPages(get, `${base}/history`, "records")).map((row) => String(row["id"])).reverse();
  const listed = (await readPages(get, `${base}/changes`, "changes")).reverse();
  const changes: StoredRow[] = [];
  for (const row of listed) {
    const whole = row["truncated"] ? objectOf(parseExact(await get(`${base}/changes/${row["id"]}`))) : row;
    changes.push(whole as unknown as StoredRow);
  }
  const [first, latest] = [await get(`${base}/records/${recordIds[0]}`), await get(`${base}/latest`)];
  return { recordIds, changes, first: inventoryOf(first), latest: inventoryOf(latest) };
}

/** True when the changes, replayed record by record over the first document, give the content of the latest; pruned ones too. */
export function isTrue({ changes, first, latest }: History): boolean {
  let document = first;
  for (const own of Map.groupBy(changes, (row) => row.record_id).values())
    document = applyChanges(document, own.map(storedChange));
  return sameContent(document, latest);
}

const storedChange = (row: StoredRow): StoredChange => ({
  pointer: row.pointer,
  fieldPath: row.field_path,
  changeType: row.change_type,
  previousValue: row.change_type === "create" ? undefined : row.previous_value,
  currentValue: row.change_type === "delete" ? undefined : row.current_value,
});

async function readPages(get: AdminGet, path: string, name: string): Promise<JsonObject[]> {
  const rows: JsonObject[] = [];
  for (let cursor = ""; ;) {
    const data = objectOf(parseExact(await get(`${path}?limit=1000${cursor && `&cursor=${cursor}`}`)));
    rows.push(...(data[name] as JsonObject[]));
    if (typeof data["next_cursor"] !== "string") return rows;
    cursor = data["next_cursor"];
  }
}

const inventoryOf = (text: string) => objectOf(objectOf(parseExact(text))["inventory"]);

function objectOf(value: JsonValue | undefined): JsonObject {
  if (!isObject(value ?? null)) throw new Error(`expected an object, got ${JSON.stringify(value)}`);
  return value as JsonObject;
}
