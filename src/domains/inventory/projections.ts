// Projects each system's newest inventory into what other domains derive of it: all of them in one transaction.
import { setImmediate } from "node:timers/promises";
import type { JobHandler } from "../../domain.ts";
import { databaseFor } from "../../ports/database.ts";
import type { Database, Queryable } from "../../ports/database.ts";
import type { JsonObject } from "../../values/json/value.ts";
import { DOCUMENT_JOBS, rounds } from "./chain/recent.ts";
import type { RecentDocuments } from "./chain/recent.ts";
import { findNewest, lockSystems } from "./chain/store.ts";
import type { NewestRecord } from "./chain/store.ts";
import { LARGE_BYTES } from "./intake/document.ts";
import { decodeRecordId, PROJECT_QUEUE } from "./intake/payload.ts";
import type { StoredDocument } from "./rules/judge.ts";

/** A system's newest inventory, parsed once for all projections. */
export interface NewestInventory {
  systemId: string;
  recordId: string;
  receivedAt: Date;
  /** The record before it in the chain; null for the first. Its changes are in inventory_diffs by `recordId`. */
  previousRecordId: string | null;
  partialReasons: string[];
  document: JsonObject;
}

/** Brings its tables in step with these inventories, at most one a system. Must be set-based, and safe to repeat. */
export type Projection = (tx: Queryable, newest: NewestInventory[]) => Promise<void>;

export interface ProjectDeps {
  database: Database;
  recent: RecentDocuments;
  projections: readonly Projection[];
}

export function projectionJob(deps: ProjectDeps): JobHandler {
  return {
    queue: PROJECT_QUEUE,
    ...DOCUMENT_JOBS,
    // After a burst of one system only its newest inventory is left to be projected.
    lingerMs: 500,
    async handle(jobs) {
      const recordIds = jobs.map((job) => decodeRecordId(job.payload));
      await project({ ...deps, database: databaseFor(deps.database, jobs) }, recordIds);
    },
  };
}

/** A record that is no longer its system's newest is passed over: the newer one has its own job. */
export async function project({ database, recent, projections }: ProjectDeps, recordIds: string[]): Promise<void> {
  if (projections.length === 0) return;
  for (const round of rounds(await findNewest(database, recordIds))) {
    const ids = round.map((one) => one.recordId);
    const documents = await recent.read(database, ids);
    await database.transaction((tx) => projectRound(tx, projections, round, documents));
  }
}

/** The systems' rows stay locked until all is projected, so two processes never project different states of one system. */
async function projectRound(
  tx: Queryable,
  projections: readonly Projection[],
  round: NewestRecord[],
  documents: Map<string, StoredDocument>,
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
    const stored = documents.get(row.recordId);
    if (!stored) throw new Error(`the record ${row.recordId} vanished while it was projected`);
    newest.push({ ...row, document: stored.document() });
    if (bytes > LARGE_BYTES) await setImmediate();
  }
  for (const projection of projections) await projection(tx, newest);
}
