// Lists the jobs of alerts and their schedules: acceptance, delivery, the net under it, totals, and pruning.
import type { Domain, JobHandler, Note, Schedule } from "../../domain.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Push, Queue } from "../../ports/queue.ts";
import { DAY_MS } from "../../values/time.ts";
import { prunePast } from "./history/store.ts";
import { deliver, deliverApart, deliveryPush, suspectPush } from "./outbox/deliver.ts";
import { listWaitingSuspects, listWaitingTenants, pruneOutbox } from "./outbox/store.ts";
import { DELIVERY_QUEUE, NET_QUEUE, PRUNE_QUEUE, SUSPECT_QUEUE, TOTALS_QUEUE } from "./schema.ts";
import { pruneSilences } from "./silences/store.ts";
import { refreshTotals } from "./totals.ts";
import type { Alertmanager } from "./upstream/alertmanager.ts";

interface JobsDeps {
  database: Database;
  queue: Queue;
  clock: Clock;
  warn: Note;
  historyDays: number;
}

// The runner extends the lease of a job that works; the jobs of a process that was killed come back this soon.
const ONE = { batch: 1, batchBytes: 1024 ** 2, concurrency: 1, leaseMs: 15_000 };
/** Rows of one statement. */
const PRUNED_AT_ONCE = 5_000;

/** Without an Alertmanager only old rows are pruned. */
export function alertJobs(
  deps: JobsDeps,
  alertmanager: Alertmanager | undefined,
  acceptance: JobHandler,
): Pick<Domain, "jobs" | "schedules"> {
  const pruning: JobHandler = { ...ONE, queue: PRUNE_QUEUE, handle: () => prune(deps) };
  const schedules: Schedule[] = [{ name: "alert-prune", cron: "29 * * * *", queue: PRUNE_QUEUE }];
  if (!alertmanager) return { jobs: [pruning], schedules };
  const upstream = { ...deps, alertmanager };
  return {
    jobs: [
      acceptance,
      {
        ...ONE,
        queue: DELIVERY_QUEUE,
        concurrency: 4,
        handle: async ([job]) => [job ? await deliver(upstream, job) : []],
      },
      {
        ...ONE,
        queue: SUSPECT_QUEUE,
        concurrency: 2,
        handle: async ([job]) => [job ? await deliverApart(upstream, job) : []],
      },
      { ...ONE, queue: NET_QUEUE, handle: async () => [await restartDeliveries(deps)] },
      { ...ONE, queue: TOTALS_QUEUE, handle: () => refreshTotals(upstream) },
      pruning,
    ],
    schedules: [
      ...schedules,
      { name: "alert-net", cron: "* * * * *", queue: NET_QUEUE },
      { name: "alert-totals", cron: "* * * * *", queue: TOTALS_QUEUE },
    ],
  };
}

/** Starts deliveries of alerts that wait without a job, and of jobs that became dead letters: those would hold their keys for ever. */
async function restartDeliveries({ database, queue }: JobsDeps): Promise<Push[]> {
  for (const name of [DELIVERY_QUEUE, SUSPECT_QUEUE]) await queue.redrive(name);
  return [
    ...(await listWaitingTenants(database)).map((tenant) => deliveryPush(tenant)),
    ...(await listWaitingSuspects(database)).map((suspect) => suspectPush(suspect)),
  ];
}

async function prune({ database, clock, historyDays }: JobsDeps): Promise<void> {
  const now = clock.now();
  const before = (days: number) => new Date(now.getTime() - days * DAY_MS);
  while ((await pruneOutbox(database, before(1), PRUNED_AT_ONCE)) === PRUNED_AT_ONCE);
  while ((await pruneSilences(database, now, PRUNED_AT_ONCE)) === PRUNED_AT_ONCE);
  while ((await prunePast(database, before(historyDays), PRUNED_AT_ONCE)) === PRUNED_AT_ONCE);
}
