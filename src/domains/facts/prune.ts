// Deletes facts and paths that no system holds any more.
import type { JobHandler, Schedule } from "../../domain.ts";
import type { Database } from "../../ports/database.ts";
import * as store from "./store.ts";

const PRUNE_QUEUE = "muster:fleet-prune";
export const PRUNE_SCHEDULE: Schedule = { name: "fleet-prune", cron: "41 3 * * *", queue: PRUNE_QUEUE };

/** Numbers that one statement scans. */
const SPAN = 20_000;

export function pruneHandler(database: Database): JobHandler {
  return {
    queue: PRUNE_QUEUE,
    batch: 1,
    batchBytes: 1024,
    concurrency: 1,
    leaseMs: 60_000,
    handle: () => prune(database.patient()),
  };
}

/** Searches without a lock, deletes under one, and only what no projection has taken up in between. Safe to repeat. */
async function prune(database: Database): Promise<void> {
  const last = await store.findLastNumbers(database);
  for (let at = 0; at < last.fact; at += SPAN) {
    const ids = await store.findUnheldFacts(database, at, SPAN);
    if (ids.length > 0) await deleteLocked(database, (tx) => store.deleteFacts(tx, ids));
  }
  for (let at = 0; at < last.path; at += SPAN) {
    const ids = await store.findPathsWithoutFacts(database, at, SPAN);
    if (ids.length > 0) await deleteLocked(database, (tx) => store.deletePaths(tx, ids));
  }
}

async function deleteLocked(database: Database, work: (tx: Parameters<typeof store.deleteFacts>[0]) => Promise<void>) {
  await database.transaction(async (tx) => {
    await store.lockDictionary(tx);
    await work(tx);
  });
}
