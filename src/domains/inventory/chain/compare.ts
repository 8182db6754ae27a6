// Compares records with their predecessors, and stores what changed, what of it is noise, and how much history that is.
import { randomUUIDv7 } from "bun";
import type { Clock } from "../../../ports/clock.ts";
import type { Database } from "../../../ports/database.ts";
import type { Known, Noise } from "../../noise/index.ts";
import { addHistory } from "../intake/budget.ts";
import type { Added } from "../intake/budget.ts";
import { LARGE_BYTES } from "../intake/document.ts";
import type { Sweep } from "../intake/memory.ts";
import type { Compare } from "../large/thread.ts";
import type { ComparedChange, StoredDocument } from "../rules/judge.ts";
import { findPairs, insertDiffs, markDiffed } from "./diff-store.ts";
import type { ComparedPair, DiffRow, Pair } from "./diff-store.ts";
import { rounds } from "./recent.ts";
import type { RecentDocuments } from "./recent.ts";

export interface CompareRecordsDeps {
  database: Database;
  clock: Clock;
  compare: Compare;
  sweep: Sweep;
  recent: RecentDocuments;
  noise: Pick<Noise, "known" | "suppress" | "observe" | "flush">;
}

/**
 * Idempotent by `diffed_at`: whoever marks the pair writes its diffs, in the same transaction. Returns the records without a
 * significant change.
 */
export async function compareRecords(
  { database, clock, compare, sweep, recent, noise }: CompareRecordsDeps,
  recordIds: readonly string[],
): Promise<Set<string>> {
  const pairs = await findPairs(database, [...recordIds]);
  const known = await noise.known(pairs.map((pair) => pair.systemId));
  const quiet = new Set<string>();
  for (const round of rounds(pairs)) {
    const documents = await recent.read(
      database,
      round.flatMap((pair) => [pair.recordId, pair.previousRecordId]),
    );
    const compared: JudgedPair[] = [];
    // One after the other: while a large pair is compared on its thread, the next one must not be held in memory beside it.
    for (const pair of round)
      compared.push(await comparePair({ compare, noise }, pair, documents, known.get(pair.systemId)));
    const marked = await database.transaction(async (tx) => {
      const own = await markDiffed(tx, compared, clock.now());
      await insertDiffs(
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
    // Outside of the transaction: the row that all systems of an organization share must not stay locked while diffs are written.
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
  { compare, noise }: Pick<CompareRecordsDeps, "compare" | "noise">,
  pair: Pair,
  documents: Map<string, StoredDocument>,
  known: Known | undefined,
): Promise<JudgedPair> {
  const previous = documents.get(pair.previousRecordId);
  const current = documents.get(pair.recordId);
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
