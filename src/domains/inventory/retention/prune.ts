// Deletes the records that retention lets go, and findings long resolved, in small steps that any process may repeat.
import type { JobHandler, Schedule } from "../../../domain.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Database } from "../../../ports/database.ts";
import type { FindingVerbs } from "../../findings/index.ts";
import { deleteBudgetsBefore } from "../intake/budget.ts";
import * as store from "./prune-store.ts";
import type { StoredAgeingRecord, SystemRange } from "./prune-store.ts";
import { judgeRecords, STAGES, thinnedBefore } from "./retention.ts";
import type { Stage, Verdict } from "./retention.ts";
import { lockSystems } from "../chain/store.ts";
import { DAY_MS } from "../../../values/time.ts";
import { isUuid, NIL_UUID } from "../../../values/uuid.ts";

export interface PruneDeps {
  database: Database;
  clock: Clock;
  findings: Pick<FindingVerbs, "countExpired" | "deleteExpired">;
}

export interface PruneOptions {
  dryRun: boolean;
  /** Called with the number of systems that were looked at, rounded up to whole steps. */
  onSystems?: (done: number) => void;
}

interface StageTally {
  stage: Stage;
  deleted: number;
  /** Of the documents as stored; PostgreSQL uses the space again after its next vacuum. */
  bytes_freed: number;
  kept: number;
}

export interface PruneReport {
  dry_run: boolean;
  stages: StageTally[];
  alerts_deleted: number;
}

const PRUNE_QUEUE = "muster:inventory-prune";
export const PRUNE_SCHEDULE: Schedule = { name: "inventory-prune", cron: "17 3 * * *", queue: PRUNE_QUEUE };

/** Systems of one job, and of one statement. */
const SYSTEMS_PER_STEP = 200;
const RECORDS_PER_PAGE = 5_000;
/** Rows of one deletion, whose systems are locked as long as it takes. */
const RECORDS_PER_DELETE = 500;

/** Prunes everything at once, for the command line. A dry run counts what would be deleted, and deletes nothing. */
export async function prune(deps: PruneDeps, { dryRun, onSystems = () => {} }: PruneOptions): Promise<PruneReport> {
  const tally = openTally();
  let systems = 0;
  for (let after: string | undefined = NIL_UUID; after !== undefined;) {
    after = await pruneStep(deps, after, tally, dryRun);
    onSystems((systems += SYSTEMS_PER_STEP));
  }
  const { countExpired, deleteExpired } = deps.findings;
  const alerts = await (dryRun ? countExpired : deleteExpired)(deps.database, deps.clock.now());
  return { dry_run: dryRun, stages: tally.stages, alerts_deleted: alerts };
}

/**
 * One step a job, so an interrupted night goes on where it was. The payload is the system to go on after; a tick's payload is
 * its time, and begins with the first. Safe to repeat: what was deleted stays deleted.
 */
export function pruneJob({ database, clock, findings }: PruneDeps): JobHandler {
  const deps: PruneDeps = { database: database.patient(), clock, findings };
  return {
    queue: PRUNE_QUEUE,
    batch: 1,
    batchBytes: 1024,
    concurrency: 1,
    leaseMs: 60_000,
    async handle(jobs) {
      const payload = jobs[0]?.payload ?? "";
      const last = await pruneStep(deps, isUuid(payload) ? payload : NIL_UUID, openTally(), false);
      if (last !== undefined) return [[{ queue: PRUNE_QUEUE, payload: last }]];
      await findings.deleteExpired(deps.database, clock.now());
      await deleteBudgetsBefore(deps.database, clock.now());
    },
  };
}

const YOUNG: Verdict = { stage: "all", kept: true };

/** Prunes the next systems after that one. Returns the last of them, or undefined when it was the last of all. */
async function pruneStep(
  { database, clock }: PruneDeps,
  after: string,
  tally: Tally,
  dryRun: boolean,
): Promise<string | undefined> {
  const found = await store.findSystemRange(database, after, SYSTEMS_PER_STEP);
  if (!found) return undefined;
  const now = clock.now();
  const range = { after, last: found.last };
  let going: Judged[] = [];
  for await (const records of readSystems(database, range, thinnedBefore(now))) {
    const verdicts = judgeRecords(records, now);
    for (const [at, record] of records.entries()) {
      const judged: Judged = { ...record, ...(verdicts[at] ?? YOUNG) };
      if (judged.kept) tally.keep(judged.stage, 1);
      else going.push(judged);
    }
    if (going.length < RECORDS_PER_DELETE) continue;
    await deleteAll(database, going, tally, dryRun);
    going = [];
  }
  await deleteAll(database, going, tally, dryRun);
  tally.keep("all", await store.countYoungRecords(database, range, thinnedBefore(now)));
  return found.more ? found.last : undefined;
}

/** Yields the records of one system after the other; holds one page, and the system that it ends in. */
async function* readSystems(
  database: Database,
  range: SystemRange,
  before: Date,
): AsyncGenerator<StoredAgeingRecord[]> {
  let system: StoredAgeingRecord[] = [];
  for (let last: StoredAgeingRecord | undefined, isMore = true; isMore;) {
    const page = await store.listAgeingRecords(database, range, before, last, RECORDS_PER_PAGE);
    for (const record of page) {
      if (system[0] && system[0].systemId !== record.systemId) {
        yield system;
        system = [];
      }
      system.push(record);
    }
    last = page.at(-1);
    isMore = page.length === RECORDS_PER_PAGE;
  }
  if (system.length > 0) yield system;
}

type Judged = StoredAgeingRecord & Verdict;

async function deleteAll(database: Database, records: Judged[], tally: Tally, dryRun: boolean): Promise<void> {
  for (let at = 0; at < records.length; at += RECORDS_PER_DELETE) {
    const chunk = records.slice(at, at + RECORDS_PER_DELETE);
    const gone = dryRun ? new Set(chunk.map((record) => record.id)) : await deleteChunk(database, chunk);
    for (const record of chunk) {
      if (gone.has(record.id)) tally.remove(record.stage, record.bytes);
      else tally.keep(record.stage, 1);
    }
  }
}

async function deleteChunk(database: Database, records: Judged[]): Promise<Set<string>> {
  return database.transaction(async (tx) => {
    await lockSystems(tx, [...new Set(records.map((record) => record.systemId))]);
    return store.deleteRecords(
      tx,
      records.map((record) => record.id),
    );
  });
}

type Tally = ReturnType<typeof openTally>;

function openTally() {
  const stages = STAGES.map((stage): StageTally => ({ stage, deleted: 0, bytes_freed: 0, kept: 0 }));
  const of = new Map(stages.map((one) => [one.stage, one]));
  return {
    stages,
    keep(stage: Stage, records: number) {
      const row = of.get(stage);
      if (row) row.kept += records;
    },
    remove(stage: Stage, bytesFreed: number) {
      const row = of.get(stage);
      if (!row) return;
      row.deleted += 1;
      row.bytes_freed += bytesFreed;
    },
  };
}
