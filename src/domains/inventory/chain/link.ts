// Links incoming records into their systems' chains; where one comes late, brings its pruned neighbors back first.
import { randomUUIDv7 } from "bun";
import type { Queryable } from "../../../ports/database.ts";
import { canonicalJson, sha256 } from "../../../values/json/canonical.ts";
import { parseExact } from "../../../values/json/value.ts";
import type { Systems } from "../../systems/index.ts";
import type { IncomingRecord } from "../intake/payload.ts";
import { storedDocument } from "../rules/judge.ts";
import * as pruned from "./restore-store.ts";
import type { PrunedRecord, StoredDiff } from "./restore-store.ts";
import { applyChanges } from "./replay.ts";
import type { StoredChange } from "./replay.ts";
import * as store from "./store.ts";
import type { UndiffedRecord } from "./store.ts";

export interface LinkDeps {
  /** Of the newest record of each system; the systems' rows are locked. */
  recordFacts: Systems["recordFacts"];
}

/** Puts the records into their systems' chains. Returns all records that now wait for a comparison. */
export async function linkRecords(
  { recordFacts }: LinkDeps,
  tx: Queryable,
  incoming: IncomingRecord[],
): Promise<UndiffedRecord[]> {
  const lastSeen = await store.lockSystems(
    tx,
    incoming.map((one) => one.systemId),
  );
  // Also late: of two records of one millisecond, the second may sort before the first.
  const isLate = (one: IncomingRecord) => one.receivedAt <= (lastSeen.get(one.systemId) ?? 0);
  const accepted = incoming.filter((one) => lastSeen.has(one.systemId));
  const again = await restoreNeighbors(tx, accepted.filter(isLate));
  const kept = accepted.filter((one) => !again.has(one.id));
  const late = kept.filter(isLate);
  const copyIds = late.map(() => randomUUIDv7());
  const successors = late.length > 0 ? await store.splitSightings(tx, late, copyIds) : [];
  const relinked = await store.insertRecords(tx, kept);
  if (relinked.length > 0) await store.deleteDiffsOf(tx, relinked);
  await recordFacts(
    tx,
    kept.map(({ systemId, receivedAt, facts }) => ({ systemId, receivedAt, ...facts })),
  );
  return store.findUndiffed(tx, [...kept.map((one) => one.id), ...relinked, ...successors]);
}

/**
 * A late record is compared with the records on both of its sides. Where those were pruned, the changes stored after the last
 * kept one before them give their content back; retention deletes them again once everything is compared. Without this the late
 * record would be compared with older neighbors, and changes stored in between would no longer follow from what is before them.
 *
 * Returns the ids of those that came twice: they had their place in the chain before, and were pruned since. The systems' rows
 * must be locked.
 */
async function restoreNeighbors(db: Queryable, late: IncomingRecord[]): Promise<Set<string>> {
  if (late.length === 0) return new Set();
  const again = await pruned.findPrunedIds(
    db,
    late.map((record) => record.id),
  );
  const fresh = late.filter((record) => !again.has(record.id));
  // In the order of the chain: the one after is rebuilt on the one before.
  for (const one of await pruned.findPrunedNeighbors(db, fresh)) await restore(db, one);
  return again;
}

async function restore(db: Queryable, record: PrunedRecord): Promise<void> {
  const kept = await pruned.findKeptBefore(db, record);
  if (!kept) throw new Error(`the system ${record.systemId} has changes but no record before them`);
  let document = storedDocument(kept.text).document();
  // One record's changes at a time: together they may be far larger than the document.
  for (const recordId of await pruned.listChangedBetween(db, kept, record)) {
    document = applyChanges(document, (await pruned.listDiffs(db, recordId)).map(storedChange));
  }
  const text = JSON.stringify(document);
  await pruned.insertRestored(db, {
    ...record,
    text,
    hash: sha256(canonicalJson(document).text),
    size: Buffer.byteLength(text),
  });
}

const storedChange = (row: StoredDiff): StoredChange => ({
  pointer: row.pointer,
  fieldPath: row.fieldPath,
  changeType: row.changeType,
  previousValue: row.changeType === "create" ? undefined : parseExact(row.previousText ?? "null"),
  currentValue: row.changeType === "delete" ? undefined : parseExact(row.currentText ?? "null"),
});
