// Runs an accepted inventory through its steps, record → diff → notify, project: each works on batches and is safe to repeat.
import type { JobHandler } from "../../domain.ts";
import { databaseFor } from "../../ports/database.ts";
import type { Job, Push } from "../../ports/queue.ts";
import type { FindingVerbs } from "../findings/index.ts";
import { compareRecords } from "./chain/compare.ts";
import type { CompareRecordsDeps } from "./chain/compare.ts";
import { findSignificantDiffs } from "./chain/diff-store.ts";
import type { SignificantDiff } from "./chain/diff-store.ts";
import { linkRecords } from "./chain/link.ts";
import type { LinkDeps } from "./chain/link.ts";
import { DOCUMENT_JOBS, rounds } from "./chain/recent.ts";
import type { UndiffedRecord } from "./chain/store.ts";
import { LARGE_BYTES } from "./intake/document.ts";
import {
  decodeIncoming,
  decodeRecordId,
  DIFF_QUEUE,
  encodeRecordId,
  isLargeJob,
  NOTIFY_QUEUE,
  PROJECT_QUEUE,
  RECORD_QUEUE,
  unpack,
} from "./intake/payload.ts";
import type { Rules } from "./rules/rules.ts";

interface PipelineDeps extends CompareRecordsDeps, LinkDeps {
  rules: Pick<Rules, "notifies">;
  findings: Pick<FindingVerbs, "raiseChanges" | "resolveReturned">;
}

export function pipeline(deps: PipelineDeps): JobHandler[] {
  const handler = (
    queue: string,
    handle: (given: PipelineDeps, jobs: Job[]) => Promise<Push[][] | void>,
  ): JobHandler => ({
    queue,
    ...DOCUMENT_JOBS,
    handle: (jobs) => handle({ ...deps, database: databaseFor(deps.database, jobs) }, jobs),
  });
  return [handler(RECORD_QUEUE, record), handler(DIFF_QUEUE, diff), handler(NOTIFY_QUEUE, notify)];
}

/** Idempotent by the record's id, which was made when the document was received. One job a system: they share its lane. */
async function record({ database, recent, sweep, recordFacts }: PipelineDeps, jobs: Job[]): Promise<Push[][]> {
  const packed = jobs.map((job) => decodeIncoming(job.payload));
  const undiffed: UndiffedRecord[] = [];
  for (const round of rounds(packed)) {
    const incoming = round.map(unpack);
    undiffed.push(...(await database.transaction((tx) => linkRecords({ recordFacts }, tx, incoming))));
    for (const one of round) {
      recent.add(one.header.id, one.packed);
      sweep.after(one.bytes);
    }
  }
  const bySystem = Map.groupBy(undiffed, (row) => row.systemId);
  return packed.map(({ header: { id, systemId }, bytes }) => {
    const rows = bySystem.get(systemId);
    // A first record has nothing to be compared with, but is its system's newest state.
    if (!rows) return [recordJob(PROJECT_QUEUE, { id, isLarge: bytes > LARGE_BYTES })];
    return rows.map((row) => recordJob(DIFF_QUEUE, { id: row.id, isLarge: row.size > LARGE_BYTES }, systemId));
  });
}

const recordJob = (queue: string, { id, isLarge }: { id: string; isLarge: boolean }, lane?: string | null): Push => ({
  queue,
  payload: encodeRecordId(id, isLarge),
  ...(lane ? { lane } : {}),
});

async function diff(deps: PipelineDeps, jobs: Job[]): Promise<Push[][]> {
  const recordIds = jobs.map((job) => decodeRecordId(job.payload));
  const quiet = await compareRecords(deps, recordIds);
  // Also for pairs that an earlier, interrupted attempt has stored: their follow-ups may not have been pushed.
  return jobs.map((job, index) => {
    const record = { id: recordIds[index] ?? "", isLarge: isLargeJob(job) };
    // Without the lane: whatever the order, only the newest counts, and the next inventory need not wait for it.
    const projection = recordJob(PROJECT_QUEUE, record);
    return quiet.has(record.id) ? [projection] : [recordJob(NOTIFY_QUEUE, record, job.lane), projection];
  });
}

/** Idempotent by place and receive time: a change that a finding has counted is not counted again. */
async function notify({ database, clock, rules, findings }: PipelineDeps, jobs: Job[]): Promise<void> {
  const recordIds = jobs.map((job) => decodeRecordId(job.payload));
  await findings.resolveReturned(database, recordIds, clock.now());
  const diffs = await findSignificantDiffs(database, recordIds);
  const changes = diffs
    .filter((one) => rules.notifies(one))
    .map((one) => ({ systemId: one.systemId, diffId: one.id, message: describe(one), severity: one.severity }));
  await findings.raiseChanges(database, changes, clock.now());
}

const VERBS: Record<string, string> = { create: "appeared", update: "changed", delete: "disappeared" };
const describe = ({ category, fieldPath, changeType }: SignificantDiff) =>
  `${category}: ${fieldPath} ${VERBS[changeType] ?? changeType}`;
