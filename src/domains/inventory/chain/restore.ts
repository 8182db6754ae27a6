// Brings pruned records back beside a record that came late, so that the chain around it is whole again.
import { canonicalJson, sha256 } from "../../../values/json/canonical.ts";
import type { ChangeType } from "../diff/diff.ts";
import { isObject, parseExact } from "../../../values/json/value.ts";
import type { JsonObject } from "../../../values/json/value.ts";
import * as store from "./restore-store.ts";
import type { PrunedRecord, StoredDiff } from "./restore-store.ts";
import { applyChanges } from "./replay.ts";
import type { StoredChange } from "./replay.ts";
import type { IncomingRecord } from "./store.ts";
import type { Queryable } from "../../../ports/database.ts";

/**
 * A late record is compared with the records on both of its sides. Where those were pruned, the changes stored after the last
 * kept one before them give their content back; retention lets them go again once everything is compared. Without this the late
 * record would be compared with older neighbours, and changes stored in between would no longer follow from what is before them.
 *
 * Returns the ids of those that came twice: they had their place in the chain before, and were pruned since. The systems' rows
 * must be locked.
 */
export async function restoreNeighbours(db: Queryable, late: IncomingRecord[]): Promise<Set<string>> {
  if (late.length === 0) return new Set();
  const again = await store.findPrunedIds(
    db,
    late.map((record) => record.id),
  );
  const fresh = late.filter((record) => !again.has(record.id));
  // In the order of the chain: the one after is rebuilt on the one before.
  for (const pruned of await store.findPrunedNeighbours(db, fresh)) await restore(db, pruned);
  return again;
}

async function restore(db: Queryable, pruned: PrunedRecord): Promise<void> {
  const kept = await store.findKeptBefore(db, pruned);
  if (!kept) throw new Error(`the system ${pruned.systemId} has changes but no record before them`);
  let document = parseDocument(kept.text);
  // One record's changes at a time: together they may be far larger than the document.
  for (const recordId of await store.listChangedBetween(db, kept, pruned)) {
    document = applyChanges(document, (await store.listDiffs(db, recordId)).map(storedChange));
  }
  const text = JSON.stringify(document);
  await store.insertRestored(db, {
    ...pruned,
    text,
    hash: sha256(canonicalJson(document).text),
    size: Buffer.byteLength(text),
  });
}

function parseDocument(text: string): JsonObject {
  const value = parseExact(text);
  if (!isObject(value)) throw new Error("a stored inventory is not an object");
  return value;
}

const storedChange = (row: StoredDiff): StoredChange => ({
  pointer: row.pointer,
  fieldPath: row.fieldPath,
  changeType: row.changeType satisfies ChangeType,
  previousValue: row.changeType === "create" ? undefined : parseExact(row.previousText ?? "null"),
  currentValue: row.changeType === "delete" ? undefined : parseExact(row.currentText ?? "null"),
});
