// Runs the upkeep of backups: removals, verification, the sweep, freshness. Each step is safe to repeat.
import type { JobHandler, Schedule } from "../../../domain.ts";
import { Permanent } from "../../../errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import type { ObjectStore } from "../../../ports/objects.ts";
import type { Push } from "../../../ports/queue.ts";
import { counted } from "../../../values/count.ts";
import type { FindingVerbs } from "../../findings/index.ts";
import { freshnessOf } from "./freshness.ts";
import type { Measured } from "./freshness.ts";
import { tidy } from "./removals.ts";
import { FRESHNESS_QUEUE, SWEEP_QUEUE, TIDY_QUEUE, VERIFY_DUE_QUEUE, VERIFY_QUEUE } from "../schema.ts";
import { countBackups, listMeasured, listMeasuredOf, listUnchecked } from "../store.ts";
import { sweep } from "./sweep.ts";
import type { Swept } from "./sweep.ts";
import { verify } from "./verify.ts";
import { NIL_UUID } from "../../../values/uuid.ts";
import { DAY_MS } from "../../../values/time.ts";

interface BackupJobsDeps {
  database: Queryable;
  objects: ObjectStore;
  clock: Clock;
  verifyDays: number;
  findings: FindingVerbs["backups"];
  swept(result: Swept): void;
}

export const schedules: Schedule[] = [
  { name: "backup-tidy", cron: "*/5 * * * *", queue: TIDY_QUEUE },
  { name: "backup-verify", cron: "17 1 * * *", queue: VERIFY_DUE_QUEUE },
  { name: "backup-sweep", cron: "37 * * * *", queue: SWEEP_QUEUE },
  { name: "backup-readiness", cron: "7 * * * *", queue: FRESHNESS_QUEUE },
];

/** Systems that one job checks; a follow-up continues with the rest. */
const SYSTEMS_PER_JOB = 500;

export function backupJobs(deps: BackupJobsDeps): JobHandler[] {
  const one = { batch: 1, batchBytes: 65_536, concurrency: 1, leaseMs: 120_000 };
  return [
    { ...one, queue: TIDY_QUEUE, handle: async () => void (await tidy(deps)) },
    { ...one, queue: VERIFY_DUE_QUEUE, handle: async () => [await verifyDue(deps)] },
    {
      ...one,
      queue: VERIFY_QUEUE,
      handle: async (jobs) => {
        for (const job of jobs) await verify(deps, readText(job.payload, "backup_id"));
      },
    },
    { ...one, queue: SWEEP_QUEUE, handle: async () => deps.swept(await sweep(deps)) },
    {
      ...one,
      queue: FRESHNESS_QUEUE,
      handle: async (jobs) => {
        const followUps: Push[][] = [];
        for (const { payload } of jobs) followUps.push(await lookAt(deps, payload));
        return followUps;
      },
    },
  ];
}

/** Pushes for a system whose backups changed: objects may have to be removed, and its freshness is checked again. */
export function changedPushes(systemId: string): Push[] {
  return [
    { queue: TIDY_QUEUE, key: "changed", payload: "{}" },
    { queue: FRESHNESS_QUEUE, key: systemId, payload: JSON.stringify({ system_id: systemId }) },
  ];
}

/** Picks enough backups each night that all are verified within `verifyDays`; adds all that are overdue because nights were missed. */
async function verifyDue({ database, clock, verifyDays }: BackupJobsDeps): Promise<Push[]> {
  const now = clock.now();
  const total = (await countBackups(database)).reduce((sum, one) => sum + (one.state === "lost" ? 0 : one.count), 0);
  const share = Math.ceil(total / verifyDays);
  const overdueBefore = new Date(now.getTime() - (verifyDays - 1) * DAY_MS);
  const freshBefore = new Date(now.getTime() - DAY_MS / 2);
  const [overdue, next] = [
    await listUnchecked(database, overdueBefore, Math.max(total, 1)),
    await listUnchecked(database, freshBefore, Math.max(share, 1)),
  ];
  return [...new Set([...overdue, ...next])].map((id) => ({
    queue: VERIFY_QUEUE,
    key: id,
    payload: JSON.stringify({ backup_id: id }),
  }));
}

/** The payload names one system, or where to continue among all; a schedule's tick starts at the first. */
async function lookAt(deps: BackupJobsDeps, payload: string): Promise<Push[]> {
  const given: unknown = payload.startsWith("{") ? JSON.parse(payload) : {};
  const named = typeof given === "object" && given !== null && "system_id" in given ? given.system_id : undefined;
  if (typeof named === "string") {
    await assess(deps, named, await listMeasuredOf(deps.database, named));
    return [];
  }
  const after = typeof given === "object" && given !== null && "after" in given ? String(given.after) : NIL_UUID;
  const rows = await listMeasured(deps.database, after, SYSTEMS_PER_JOB);
  const bySystem = Map.groupBy(rows, (row) => row.systemId);
  for (const [systemId, measured] of bySystem) await assess(deps, systemId, measured);
  const last = rows.at(-1)?.systemId;
  return last === undefined ? [] : [{ queue: FRESHNESS_QUEUE, payload: JSON.stringify({ after: last }) }];
}

async function assess(
  { database, clock, findings }: BackupJobsDeps,
  systemId: string,
  measured: Measured[],
): Promise<void> {
  const now = clock.now();
  const { status, age_seconds, shrunk, size_change_percent } = freshnessOf(measured, now);
  const about = { systemId, backupId: null };
  if (status === "stale") {
    const hours = Math.round((age_seconds ?? 0) / 3600);
    const message = `The newest backup is ${counted(hours, "hour")} old, later than this system's rhythm lets expect.`;
    await findings.raise(database, { ...about, cause: "stale", message }, now);
  } else await findings.resolve(database, { ...about, causes: ["stale"] }, now);
  if (shrunk) {
    const message = `The newest backup is ${-(size_change_percent ?? 0)} % smaller than those before.`;
    await findings.raise(database, { ...about, cause: "shrunk", message }, now);
  } else await findings.resolve(database, { ...about, causes: ["shrunk"] }, now);
}

function readText(payload: string, name: string): string {
  const value: unknown = JSON.parse(payload)?.[name];
  if (typeof value !== "string") throw new Permanent(`the payload has no ${name}`);
  return value;
}
