// record → diff → notify: what becomes of an accepted inventory. Each step works on batches and is safe to repeat.
import { randomUUIDv7 } from "bun";
import type { JobHandler } from "../../domain.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Job, Push } from "../../ports/queue.ts";
import { compareTexts } from "./compare.ts";
import type { Rules } from "./rules.ts";
import { decodeIncoming, decodeRecordId, encodeRecordId } from "./payload.ts";
import { DIFF_QUEUE, NOTIFY_QUEUE, RECORD_QUEUE } from "./schema.ts";
import * as store from "./store.ts";
import type { ComparedPair, IncomingRecord, Pair, SignificantDiff } from "./store.ts";

export interface PipelineDeps {
  database: Database;
  clock: Clock;
  rules: Rules;
}

/** Raw bytes of documents that one comparison round may hold; parsed they take about ten times as much. */
const ROUND_BYTES = 8 * 1024 ** 2;

export function pipeline(deps: PipelineDeps): JobHandler[] {
  const handler = (queue: string, handle: JobHandler["handle"]): JobHandler => ({
    queue,
    handle,
    batch: 100,
    batchBytes: ROUND_BYTES,
    concurrency: 1,
    leaseMs: 60_000,
  });
  return [
    handler(RECORD_QUEUE, (jobs) => record(deps, jobs)),
    handler(DIFF_QUEUE, (jobs) => diff(deps, jobs)),
    handler(NOTIFY_QUEUE, (jobs) => notify(deps, jobs)),
  ];
}

/** Idempotent by the record's id, which was made when the document was received. One job a system: they share its lane. */
async function record({ database }: PipelineDeps, jobs: Job[]): Promise<Push[][]> {
  const incoming = jobs.map((job) => decodeIncoming(job.payload));
  const waiting = await database.transaction(async (tx) => {
    const lastSeen = await store.lockSystems(
      tx,
      incoming.map((one) => one.systemId),
    );
    const kept = incoming.filter((one) => lastSeen.has(one.systemId));
    const late = kept.filter((one) => one.receivedAt < (lastSeen.get(one.systemId) ?? one.receivedAt));
    const copyIds = late.map(() => randomUUIDv7());
    const successors = late.length > 0 ? await store.splitSightings(tx, late, copyIds) : [];
    const relinked = await store.insertRecords(tx, kept);
    if (relinked.length > 0) await store.deleteDiffsOf(tx, relinked);
    await store.updateSystemFacts(tx, kept);
    return store.findUndiffed(tx, [...kept.map((one) => one.id), ...relinked, ...successors]);
  });
  return incoming.map((one) =>
    waiting.filter((row) => row.systemId === one.systemId).map((row) => diffJob(row.id, one)),
  );
}

const diffJob = (recordId: string, { systemId }: IncomingRecord): Push => ({
  queue: DIFF_QUEUE,
  lane: systemId,
  payload: encodeRecordId(recordId),
});

/** Idempotent by `diffed_at`: whoever marks the pair writes its diffs, in the same transaction. */
async function diff({ database, clock, rules }: PipelineDeps, jobs: Job[]): Promise<Push[][]> {
  const recordIds = jobs.map((job) => decodeRecordId(job.payload));
  const pairs = await store.findPairs(database, recordIds);
  const quiet = new Set<string>();
  for (const round of rounds(pairs)) {
    const texts = await store.findTexts(
      database,
      round.flatMap((pair) => [pair.recordId, pair.previousRecordId]),
    );
    const compared = round.map((pair) => comparePair(pair, texts, rules));
    await database.transaction(async (tx) => {
      const marked = await store.markDiffed(tx, compared, clock.now());
      await store.insertDiffs(
        tx,
        compared.filter((pair) => marked.has(pair.recordId)),
      );
    });
    for (const pair of compared) if (!pair.diffs.some(rules.notifies)) quiet.add(pair.recordId);
  }
  // Also for pairs that an earlier, interrupted attempt has stored: their notification may not have been pushed.
  return jobs.map(({ lane }, index) => {
    const recordId = recordIds[index] ?? "";
    return quiet.has(recordId)
      ? []
      : [{ queue: NOTIFY_QUEUE, payload: encodeRecordId(recordId), ...(lane ? { lane } : {}) }];
  });
}

function comparePair(pair: Pair, texts: Map<string, string>, rules: Rules): ComparedPair {
  const previous = texts.get(pair.previousRecordId);
  const current = texts.get(pair.recordId);
  if (previous === undefined || current === undefined)
    throw new Error(`a record of the pair ${pair.recordId} vanished while it was compared`);
  const diffs = compareTexts(previous, current, rules).map((change, position) => ({
    id: randomUUIDv7(),
    position,
    ...change,
  }));
  return { ...pair, diffs };
}

/** Groups of pairs whose documents fit in memory together; a single pair always goes. */
function rounds(pairs: Pair[]): Pair[][] {
  const groups: Pair[][] = [];
  let bytes = Infinity;
  for (const pair of pairs) {
    if (bytes + pair.bytes > ROUND_BYTES) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(pair);
    bytes += pair.bytes;
  }
  return groups;
}

/** Idempotent by (diff, alert type). */
async function notify({ database, clock, rules }: PipelineDeps, jobs: Job[]): Promise<void> {
  const diffs = await store.findSignificantDiffs(
    database,
    jobs.map((job) => decodeRecordId(job.payload)),
  );
  const alerts = diffs
    .filter((one) => rules.notifies(one))
    .map((one) => ({
      id: randomUUIDv7(),
      systemId: one.systemId,
      diffId: one.id,
      message: describe(one),
      severity: one.severity,
    }));
  if (alerts.length > 0) await store.insertChangeAlerts(database, alerts, clock.now());
}

const VERBS: Record<string, string> = { create: "appeared", update: "changed", delete: "disappeared" };
const describe = ({ category, fieldPath, changeType }: SignificantDiff) =>
  `${category}: ${fieldPath} ${VERBS[changeType] ?? changeType}`;
