// Joins two queues: work goes to the first, to the second while the first is away, and is claimed from both.
import type { Clock } from "../../ports/clock.ts";
import type { Job, Queue, QueueCounts, QueueName, Settlement } from "../../ports/queue.ts";
import { isOutage } from "./presence.ts";
import type { Presence } from "./presence.ts";

interface FailoverQueueDeps {
  primary: Queue;
  fallback: Queue;
  /** Both queues close with this one. */
  presence: { primary: Presence; fallback: Presence };
  clock: Clock;
}

/** Prefix of the ids of the fallback's jobs. */
const PREFIX = "pg-";
/** How long a worker retries to report a job's outcome to a primary that is away; then the job's lease runs out and it runs again. */
const PATIENCE_MS = 3_000;
/** While the primary is reachable, an empty fallback is polled this often. */
const FALLBACK_POLL_MS = 1_000;
/** Requests within this time share one answer about the backlog. */
const BACKLOG_FRESH_MS = 100;

/**
 * Each queue keeps its own promises; across the two, a lane's order and a key's uniqueness are not guaranteed. Handlers are
 * idempotent and accept late work, so an outage of the primary costs nothing but order.
 */
export function openFailoverQueue({ primary, fallback, presence, clock }: FailoverQueueDeps): Queue {
  const nowMs = () => clock.now().getTime();
  /** By the queues of a claim: until when the fallback is assumed to be empty. */
  const idleUntilMs = new Map<string, number>();
  fallback.onPush(() => idleUntilMs.clear());
  let recentBacklog: { waiting: Promise<number>; untilMs: number } | undefined;

  const countWaiting = async (): Promise<number> => {
    const waiting = [presence.primary.isAway() ? 0 : primary.backlog(), fallback.backlog()];
    return sum(await Promise.all(waiting.map((one) => Promise.resolve(one).catch(() => 0))));
  };

  /** Calls the primary; returns `lost` once it has been away for PATIENCE_MS. */
  const ofPrimary = async <Result>(call: () => Promise<Result>, lost: Result): Promise<Result> => {
    if (presence.primary.isAway() && presence.primary.awayMs() >= PATIENCE_MS) return lost;
    return presence.primary.run(call);
  };

  const claimFallback: Queue["claim"] = async (queues, limit, leaseMs) => {
    const jobs = await presence.fallback.run(() => fallback.claim(queues, limit, leaseMs));
    return jobs.map((job) => ({ ...job, id: PREFIX + job.id }));
  };

  /** Calls each queue with its own jobs, under the ids that it knows. */
  const each = async <Item, Result>(
    all: readonly Item[],
    jobOf: (item: Item) => Job,
    ask: (queue: Queue, items: Item[]) => Promise<Result[]>,
    own: (item: Item) => Item,
  ): Promise<[Result[], Result[]]> => {
    const there = all.filter((item) => !isFallback(jobOf(item).id));
    const here = all.filter((item) => isFallback(jobOf(item).id)).map(own);
    return [
      there.length > 0 ? await ofPrimary(() => ask(primary, there), []) : [],
      here.length > 0 ? await ask(fallback, here) : [],
    ];
  };
  const ids = ([first, second]: [string[], string[]]) => [...first, ...second.map((id) => PREFIX + id)];
  const own = (job: Job): Job => ({ ...job, id: ownId(job.id) });

  return {
    async push(jobs) {
      recentBacklog = undefined;
      const isAway = presence.primary.isAway();
      if (!isAway) {
        try {
          return await presence.primary.run(() => primary.push(jobs));
        } catch (error) {
          if (!isOutage(error)) throw error;
        }
      }
      try {
        await presence.fallback.run(() => fallback.push(jobs));
      } catch (error) {
        // The primary was skipped because it was away a moment ago; now it is the only one left.
        if (!isAway || !isOutage(error)) throw error;
        await presence.primary.run(() => primary.push(jobs));
      }
    },

    /** Claims from one queue at a time, so that a batch never holds two jobs of a lane; from the fallback first, whose jobs are older. */
    async claim(queues, limit, leaseMs) {
      const name = queues.join("\n");
      const isAway = presence.primary.isAway();
      let outage: unknown;
      if (isAway || !isWithin((idleUntilMs.get(name) ?? 0) - nowMs(), FALLBACK_POLL_MS)) {
        try {
          const jobs = presence.fallback.isAway() && !isAway ? [] : await claimFallback(queues, limit, leaseMs);
          if (jobs.length > 0) return jobs;
          idleUntilMs.set(name, nowMs() + FALLBACK_POLL_MS);
        } catch (error) {
          if (!isOutage(error)) throw error;
          outage = error;
        }
      }
      if (!isAway) {
        try {
          return await presence.primary.run(() => primary.claim(queues, limit, leaseMs));
        } catch (error) {
          if (!isOutage(error)) throw error;
        }
      }
      // Both failed. Without this error the next claim asks the fallback, since the primary is known to be away now.
      if (outage) throw outage;
      return [];
    },

    extend: async (jobs, leaseMs) =>
      ids(
        await each(
          jobs,
          (job) => job,
          (queue, some: Job[]) => queue.extend(some, leaseMs),
          own,
        ),
      ),

    settle: async (settlements) =>
      ids(
        await each(
          settlements,
          (one) => one.job,
          (queue, some: Settlement[]) => queue.settle(some),
          (one) => ({ ...one, job: own(one.job) }),
        ),
      ),

    retry: (job, reason, delayMs) =>
      isFallback(job.id)
        ? fallback.retry(own(job), reason, delayMs)
        : ofPrimary(() => primary.retry(job, reason, delayMs), false),

    release: async (jobs, reason, delayMs) =>
      ids(
        await each(
          jobs,
          (job) => job,
          (queue, some: Job[]) => queue.release(some, reason, delayMs),
          own,
        ),
      ),

    bury: (job, reason) =>
      isFallback(job.id) ? fallback.bury(own(job), reason) : ofPrimary(() => primary.bury(job, reason), false),

    async counts() {
      const merged: Record<QueueName, QueueCounts> = {};
      for (const counted of await ofThoseThere((queue) => queue.counts())) {
        for (const [name, counts] of Object.entries(counted)) merged[name] = add(merged[name], counts);
      }
      return merged;
    },

    backlog() {
      const now = nowMs();
      if (!recentBacklog || !isWithin(recentBacklog.untilMs - now, BACKLOG_FRESH_MS))
        recentBacklog = { waiting: countWaiting(), untilMs: now + BACKLOG_FRESH_MS };
      return recentBacklog.waiting;
    },

    /** The primary's jobs, then the fallback's. */
    async list(queue, state, limit, after) {
      const there =
        (after !== undefined && isFallback(after)) || presence.primary.isAway()
          ? []
          : await presence.primary.run(() => primary.list(queue, state, limit, after));
      if (there.length >= limit) return there;
      const afterHere = after !== undefined && isFallback(after) ? ownId(after) : undefined;
      const here = await fallback.list(queue, state, limit - there.length, afterHere);
      return [...there, ...here.map((job) => ({ ...job, id: PREFIX + job.id }))];
    },

    redrive: (queue, named) => ofDead((one, some) => one.redrive(queue, some), named),
    discard: (queue, named) => ofDead((one, some) => one.discard(queue, some), named),

    /** The lane's jobs in an unreachable queue are dropped later by their handler, which finds that the system is gone. */
    discardLane: async (lane) => sum(await ofThoseThere((queue) => queue.discardLane(lane))),

    onPush(wake) {
      const ends = [primary.onPush(wake), fallback.onPush(wake)];
      return () => {
        for (const end of ends) end();
      };
    },

    async close() {
      await Promise.all([primary.close(), fallback.close()]);
    },
  };

  /** Results of every reachable queue; fails when neither is reachable. */
  async function ofThoseThere<Result>(ask: (queue: Queue) => Promise<Result>): Promise<Result[]> {
    const results = await Promise.allSettled([
      presence.primary.isAway() && !presence.fallback.isAway()
        ? []
        : presence.primary.run(async () => [await ask(primary)]),
      presence.fallback.run(async () => [await ask(fallback)]),
    ]);
    const there = results.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
    const [failed] = results.filter((one) => one.status === "rejected");
    if (failed && (there.length === 0 || !isOutage(failed.reason))) throw failed.reason;
    return there;
  }

  async function ofDead(
    ask: (queue: Queue, named: string[] | undefined) => Promise<number>,
    named: string[] | undefined,
  ): Promise<number> {
    if (named === undefined) return sum(await ofThoseThere((queue) => ask(queue, undefined)));
    const there = named.filter((id) => !isFallback(id));
    const here = named.filter(isFallback).map(ownId);
    const done = [there.length > 0 ? await ask(primary, there) : 0, here.length > 0 ? await ask(fallback, here) : 0];
    return sum(done);
  }
}

/** A wait of `wholeMs` cannot have more than `wholeMs` left: if it does, the clock was set back, and the wait counts as over. */
const isWithin = (leftMs: number, wholeMs: number) => leftMs > 0 && leftMs <= wholeMs;

const isFallback = (id: string) => id.startsWith(PREFIX);
const ownId = (id: string) => (isFallback(id) ? id.slice(PREFIX.length) : id);
const sum = (values: readonly number[]) => values.reduce((total, one) => total + one, 0);

function add(one: QueueCounts | undefined, other: QueueCounts): QueueCounts {
  if (!one) return other;
  return {
    pending: one.pending + other.pending,
    delayed: one.delayed + other.delayed,
    active: one.active + other.active,
    dead: one.dead + other.dead,
    oldestSeconds: Math.max(one.oldestSeconds, other.oldestSeconds),
  };
}
