// record → diff → notify, keep: what becomes of an accepted inventory. Each step works on batches and is safe to repeat.
import { randomUUIDv7 } from "bun";
import type { JobHandler } from "../../domain.ts";
import type { Clock } from "../../ports/clock.ts";
import { databaseFor } from "../../ports/database.ts";
import type { Database, Queryable } from "../../ports/database.ts";
import type { Job, Push } from "../../ports/queue.ts";
import { addHistory } from "./intake/budget-store.ts";
import type { Added } from "./intake/budget-store.ts";
import type { FindingVerbs } from "../findings/index.ts";
import type { ComparedChange } from "./rules/compare.ts";
import type { Compare } from "./large/comparing.ts";
import { LARGE_BYTES } from "./large/thread.ts";
import type { Known, Noise } from "../noise/index.ts";
import type { Rules } from "./rules/rules.ts";
import { keepState } from "./projections.ts";
import type { StateKeeper } from "./projections.ts";
import { decodeIncoming, decodeRecordId, encodeRecordId, isLargeJob, unpack } from "./intake/payload.ts";
import { openRecentTexts } from "./chain/recent.ts";
import type { RecentTexts } from "./chain/recent.ts";
import { restoreNeighbours } from "./chain/restore.ts";
import { ROUND_BYTES, rounds } from "./chain/rounds.ts";
import { DIFF_QUEUE, NOTIFY_QUEUE, RECORD_QUEUE, STATE_QUEUE } from "./schema.ts";
import * as store from "./chain/store.ts";
import type { Sweep } from "./intake/sweep.ts";
import type { ComparedPair, DiffRow, IncomingRecord, Pair, SignificantDiff } from "./chain/store.ts";

export interface PipelineDeps {
  database: Database;
  clock: Clock;
  rules: Pick<Rules, "notifies">;
  compare: Compare;
  sweep: Sweep;
  noise: Pick<Noise, "known" | "suppress" | "observe" | "flush">;
  keepers: readonly StateKeeper[];
  findings: Pick<FindingVerbs, "raiseChanges" | "resolveReturned">;
}

export function pipeline(deps: PipelineDeps): JobHandler[] {
  const recent = openRecentTexts();
  const handler = (
    queue: string,
    handle: (given: PipelineDeps, jobs: Job[]) => Promise<Push[][] | void>,
  ): JobHandler => ({
    queue,
    handle: (jobs) => handle({ ...deps, database: databaseFor(deps.database, jobs) }, jobs),
    batch: 100,
    batchBytes: ROUND_BYTES,
    concurrency: 1,
    leaseMs: 15_000,
    isLong: (job) => isLargeJob(job, LARGE_BYTES),
  });
  return [
    handler(RECORD_QUEUE, (given, jobs) => record(given, recent, jobs)),
    handler(DIFF_QUEUE, (given, jobs) => diff(given, recent, jobs)),
    handler(NOTIFY_QUEUE, notify),
    // Behind a burst of one system only its newest inventory is left to be looked at.
    {
      ...handler(STATE_QUEUE, (given, jobs) =>
        keepState(
          given,
          recent,
          jobs.map((job) => decodeRecordId(job.payload)),
        ),
      ),
      lingerMs: 500,
    },
  ];
}

/** Idempotent by the record's id, which was made when the document was received. One job a system: they share its lane. */
async function record(deps: PipelineDeps, recent: RecentTexts, jobs: Job[]): Promise<Push[][]> {
  const packed = jobs.map((job) => decodeIncoming(job.payload));
  const undiffed: Undiffed[] = [];
  for (const round of rounds(packed)) {
    const incoming = round.map(unpack);
    undiffed.push(...(await deps.database.transaction((tx) => storeRound(tx, incoming))));
    for (const one of round) {
      recent.add(one.header.id, one.packed);
      deps.sweep.after(one.bytes);
    }
  }
  const bySystem = Map.groupBy(undiffed, (row) => row.systemId);
  return packed.map(({ header: { id, systemId }, bytes }) => {
    const rows = bySystem.get(systemId);
    // A first record has nothing to be compared with, but is its system's newest state.
    if (!rows) return [recordJob(STATE_QUEUE, { id, isLarge: bytes > LARGE_BYTES })];
    return rows.map((row) => recordJob(DIFF_QUEUE, { id: row.id, isLarge: row.size > LARGE_BYTES }, systemId));
  });
}

/** Puts the records into their systems' chains. Returns all records that now wait for a comparison. */
export async function storeRound(tx: Queryable, incoming: IncomingRecord[]): Promise<Undiffed[]> {
  const lastSeen = await store.lockSystems(
    tx,
    incoming.map((one) => one.systemId),
  );
  // In the same millisecond it may sort before the one that came first.
  const isLate = (one: IncomingRecord) => one.receivedAt <= (lastSeen.get(one.systemId) ?? 0);
  const accepted = incoming.filter((one) => lastSeen.has(one.systemId));
  const again = await restoreNeighbours(tx, accepted.filter(isLate));
  const kept = accepted.filter((one) => !again.has(one.id));
  const late = kept.filter(isLate);
  const copyIds = late.map(() => randomUUIDv7());
  const successors = late.length > 0 ? await store.splitSightings(tx, late, copyIds) : [];
  const relinked = await store.insertRecords(tx, kept);
  if (relinked.length > 0) await store.deleteDiffsOf(tx, relinked);
  await store.updateSystemFacts(tx, kept);
  return store.findUndiffed(tx, [...kept.map((one) => one.id), ...relinked, ...successors]);
}

type Undiffed = Awaited<ReturnType<typeof store.findUndiffed>>[number];

const recordJob = (queue: string, { id, isLarge }: { id: string; isLarge: boolean }, lane?: string | null): Push => ({
  queue,
  payload: encodeRecordId(id, isLarge),
  ...(lane ? { lane } : {}),
});

async function diff(deps: PipelineDeps, recent: RecentTexts, jobs: Job[]): Promise<Push[][]> {
  const recordIds = jobs.map((job) => decodeRecordId(job.payload));
  const quiet = await compareRecords(deps, recent, recordIds);
  // Also for pairs that an earlier, interrupted attempt has stored: their follow-ups may not have been pushed.
  return jobs.map((job, index) => {
    const record = { id: recordIds[index] ?? "", isLarge: isLargeJob(job, LARGE_BYTES) };
    // Without the lane: whatever the order, only the newest counts, and the next inventory need not wait for it.
    const state = recordJob(STATE_QUEUE, record);
    return quiet.has(record.id) ? [state] : [recordJob(NOTIFY_QUEUE, record, job.lane), state];
  });
}

/**
 * Idempotent by `diffed_at`: whoever marks the pair writes its diffs, in the same transaction. Returns the records without a
 * significant change.
 */
export async function compareRecords(
  { database, clock, compare, sweep, noise }: PipelineDeps,
  recent: RecentTexts,
  recordIds: readonly string[],
): Promise<Set<string>> {
  const pairs = await store.findPairs(database, [...recordIds]);
  const known = await noise.known(pairs.map((pair) => pair.systemId));
  const quiet = new Set<string>();
  for (const round of rounds(pairs)) {
    const texts = await recent.read(
      database,
      round.flatMap((pair) => [pair.recordId, pair.previousRecordId]),
    );
    const compared: JudgedPair[] = [];
    // One after the other: a large pair leaves this thread for a while, and must not be joined by the next.
    for (const pair of round)
      compared.push(await comparePair({ compare, noise }, pair, texts, known.get(pair.systemId)));
    const marked = await database.transaction(async (tx) => {
      const own = await store.markDiffed(tx, compared, clock.now());
      await store.insertDiffs(
        tx,
        compared.filter((pair) => own.has(pair.recordId)),
      );
      return own;
    });
    for (const pair of compared) {
      if (!pair.diffs.some((one) => one.significant)) quiet.add(pair.recordId);
      if (marked.has(pair.recordId)) noise.observe(pair.systemId, pair.receivedAt, pair.judged);
      sweep.after(pair.bytes);
    }
    // Beside the transaction: a row that a whole organization shares is not held while others are written.
    await addHistory(database, compared.filter((pair) => marked.has(pair.recordId)).map(historyOf));
    recent.drop(round.map((pair) => pair.previousRecordId));
  }
  await noise.flush();
  return quiet;
}

/** A large document was counted when it was received. */
const historyOf = ({ systemId, receivedAt, size, diffs }: ComparedPair): Added => ({
  systemId,
  receivedAt,
  bytes: diffs.reduce(
    (sum, one) => sum + (one.previousValue?.length ?? 0) + (one.currentValue?.length ?? 0),
    size > LARGE_BYTES ? 0 : size,
  ),
});

/** `judged` is what the rules said, before anything was suppressed as noise. */
type JudgedPair = ComparedPair & { diffs: (DiffRow & ComparedChange)[]; judged: ComparedChange[] };

async function comparePair(
  { compare, noise }: Pick<PipelineDeps, "compare" | "noise">,
  pair: Pair,
  texts: Map<string, string>,
  known: Known | undefined,
): Promise<JudgedPair> {
  const previous = texts.get(pair.previousRecordId);
  const current = texts.get(pair.recordId);
  if (previous === undefined || current === undefined)
    throw new Error(`a record of the pair ${pair.recordId} vanished while it was compared`);
  const judged = await compare(previous, current);
  const diffs = noise.suppress(judged, known).map((change, position) => ({
    id: randomUUIDv7(),
    position,
    ...change,
  }));
  return { ...pair, diffs, judged };
}

/** Idempotent by place and receive time: a change that a finding has counted is not counted again. */
async function notify({ database, clock, rules, findings }: PipelineDeps, jobs: Job[]): Promise<void> {
  const recordIds = jobs.map((job) => decodeRecordId(job.payload));
  await findings.resolveReturned(database, recordIds, clock.now());
  const diffs = await store.findSignificantDiffs(database, recordIds);
  const changes = diffs
    .filter((one) => rules.notifies(one))
    .map((one) => ({ systemId: one.systemId, diffId: one.id, message: describe(one), severity: one.severity }));
  await findings.raiseChanges(database, changes, clock.now());
}

const VERBS: Record<string, string> = { create: "appeared", update: "changed", delete: "disappeared" };
const describe = ({ category, fieldPath, changeType }: SignificantDiff) =>
  `${category}: ${fieldPath} ${VERBS[changeType] ?? changeType}`;
