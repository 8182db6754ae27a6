// Keeps what is derived from each system's newest inventory: asks every keeper, in one transaction, whatever came in between.
import { setImmediate } from "node:timers/promises";
import type { Database, Queryable } from "../../ports/database.ts";
import { LARGE_BYTES } from "./large/thread.ts";
import { isObject, parseExact } from "../../values/json/value.ts";
import type { JsonObject } from "../../values/json/value.ts";
import type { RecentTexts } from "./chain/recent.ts";
import { rounds } from "./chain/rounds.ts";
import { findNewest, lockSystems } from "./chain/store.ts";
import type { NewestRecord } from "./chain/store.ts";

/** A system's newest inventory, parsed once for all keepers. */
export interface NewestInventory {
  systemId: string;
  recordId: string;
  receivedAt: Date;
  /** The record before it in the chain; null for the first. Its changes are in inventory_diffs by `recordId`. */
  previousRecordId: string | null;
  partialReasons: string[];
  document: JsonObject;
}

/** Brings what it keeps in step with these inventories. Must be set-based, and safe to repeat. At most one a system. */
export type StateKeeper = (tx: Queryable, newest: NewestInventory[]) => Promise<void>;

/** A record that is no longer its system's newest is passed over: the newer one has its own job. */
export async function keepState(
  { database, keepers }: { database: Database; keepers: readonly StateKeeper[] },
  recent: RecentTexts,
  recordIds: string[],
): Promise<void> {
  if (keepers.length === 0) return;
  for (const round of rounds(await findNewest(database, recordIds))) {
    const ids = round.map((one) => one.recordId);
    const texts = await recent.read(database, ids);
    await database.transaction((tx) => keepRound(tx, keepers, round, texts));
  }
}

/** The systems' rows stay locked until the keepers are done, so two processes never keep different states of one system. */
async function keepRound(
  tx: Queryable,
  keepers: readonly StateKeeper[],
  round: NewestRecord[],
  texts: Map<string, string>,
): Promise<void> {
  await lockSystems(
    tx,
    round.map((one) => one.systemId),
  );
  const rows = await findNewest(
    tx,
    round.map((one) => one.recordId),
  );
  const newest: NewestInventory[] = [];
  for (const { bytes, ...row } of rows) {
    newest.push({ ...row, document: parseDocument(texts.get(row.recordId)) });
    if (bytes > LARGE_BYTES) await setImmediate();
  }
  for (const keep of keepers) await keep(tx, newest);
}

function parseDocument(text: string | undefined): JsonObject {
  const value = parseExact(text ?? "null");
  if (!isObject(value)) throw new Error("a stored inventory is not an object");
  return value;
}
