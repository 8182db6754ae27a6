// Implements the queue in PostgreSQL: table `jobs` and its functions (sql/0002_jobs.sql). Times come from the injected clock.
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import type { Job, Push, Queue, QueueName, Settlement } from "../../../ports/queue.ts";
import { openBacklog } from "./backlog.ts";
import { packPushes } from "./pack.ts";
import * as statements from "./statements.ts";

interface PostgresQueueDeps {
  /** Not closed with the queue. */
  database: Queryable;
  clock: Clock;
}

export function openPostgresQueue({ database, clock }: PostgresQueueDeps): Queue {
  const wakers = new Set<(queue: QueueName) => void>();
  const wake = (queues: readonly QueueName[] | null) => {
    for (const queue of new Set(queues)) for (const waker of wakers) waker(queue);
  };
  const backlog = openBacklog(clock, () => statements.countWaiting(database));

  return {
    async push(jobs) {
      if (jobs.length === 0) return;
      if (jobs.every((job) => job.key === undefined && job.lane === undefined)) {
        await statements.insertJobs(database, clock.now(), packPushes(jobs));
        wake(jobs.filter((job) => !job.delayMs).map((job) => job.queue));
      } else {
        wake(await statements.pushJobs(database, clock.now(), packPushes(jobs)));
      }
      backlog.add(jobs.length);
    },

    async claim(queues, limit, leaseMs) {
      if (queues.length === 0 || limit.count < 1) return [];
      return statements.claimJobs(database, clock.now(), queues, limit, crypto.randomUUID(), leaseMs);
    },

    async extend(jobs, leaseMs) {
      if (jobs.length === 0) return [];
      return statements.extendLeases(database, dueIn(clock, leaseMs), idsOf(jobs), leasesOf(jobs));
    },

    async settle(settlements) {
      if (settlements.length === 0) return [];
      const jobs = settlements.map((one) => one.job);
      const lease = jobs[0]?.lease ?? "";
      if (settlements.every((one) => isFree(one, lease)))
        return statements.settleFreeJobs(database, idsOf(jobs), lease);
      const followUps = settlements.flatMap((one) => one.followUps);
      const owners = settlements.flatMap((one) => one.followUps.map(() => one.job.id));
      const { settled, woken } = await statements.settleJobs(
        database,
        clock.now(),
        { ids: idsOf(jobs), leases: leasesOf(jobs), lockNames: [...jobs, ...followUps].flatMap(lockNamesOf) },
        owners,
        packPushes(followUps),
      );
      wake(woken);
      backlog.add(followUps.length);
      return settled;
    },

    async retry(job, reason, delayMs) {
      const [id] = await statements.returnJobs(
        database,
        dueIn(clock, delayMs),
        [job.id],
        [job.lease],
        shown(reason),
        0,
      );
      if (id !== undefined && delayMs <= 0) wake([job.queue]);
      return id !== undefined;
    },

    async release(jobs, reason, delayMs) {
      if (jobs.length === 0) return [];
      const due = dueIn(clock, delayMs);
      const ids = await statements.returnJobs(database, due, idsOf(jobs), leasesOf(jobs), shown(reason), 1);
      if (delayMs <= 0) wake(jobs.map((job) => job.queue));
      return ids;
    },

    async bury(job, reason) {
      const { buried, woken } = await statements.buryJob(database, clock.now(), job, shown(reason));
      wake(woken);
      return buried;
    },

    counts: () => statements.countJobs(database, clock.now()),

    backlog: () => backlog.read(),

    async list(queue, state, limit, after = "0") {
      if (!isId(after)) return [];
      return statements.listJobs(database, clock.now(), queue, state, limit, after);
    },

    async redrive(queue, ids) {
      const redriven = await statements.redriveJobs(database, clock.now(), queue, ids?.filter(isId) ?? null);
      if (redriven > 0) wake([queue]);
      return redriven;
    },

    discard: (queue, ids) => statements.discardJobs(database, queue, ids?.filter(isId) ?? null),

    discardLane: (lane) => statements.discardLane(database, clock.now(), lane),

    onPush(waker) {
      wakers.add(waker);
      return () => wakers.delete(waker);
    },

    async close() {
      wakers.clear();
    },
  };
}

const isFree = ({ job, followUps }: Settlement, lease: string) =>
  job.lease === lease && job.lane === null && job.key === null && followUps.length === 0;
const idsOf = (jobs: readonly Job[]) => jobs.map((job) => job.id);
const leasesOf = (jobs: readonly Job[]) => jobs.map((job) => job.lease);
const dueIn = (clock: Clock, ms: number) => new Date(clock.now().getTime() + ms);

/** Names that a settle locks: the job's lane, and its key, which a follow-up may take over. As in push_jobs. */
function lockNamesOf({ queue, lane, key }: Pick<Push | Job, "queue" | "lane" | "key">): string[] {
  const names = lane == null ? [] : [lane];
  return key == null ? names : [...names, `${queue}\n${key}`];
}

/** Ids also come from operators; an id that no job can have is not found. */
const isId = (id: string) => /^\d{1,18}$/.test(id);

/** A reason may quote outside text, which must never prevent a job from being buried. */
const MAX_REASON_CHARACTERS = 2_000;
const shown = (reason: string) => reason.replaceAll("\0", "\uFFFD").slice(0, MAX_REASON_CHARACTERS);
