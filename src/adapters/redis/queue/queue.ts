// Implements the queue in Redis: lists and sorted sets that operators can read, moved by atomic steps of Lua (*.lua).
import { Failure } from "../../../errors.ts";
import type { Log } from "../../../log.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Job, Queue, QueueCounts, QueueName } from "../../../ports/queue.ts";
import type { RedisConnection } from "../connection.ts";
import { openBacklog } from "./backlog.ts";
import { isId, openIds } from "./ids.ts";
import { listJobs } from "./list.ts";
import { items, packClaims, packPushes, readJob, texts } from "./pack.ts";
import { steps } from "./steps.ts";
import { openWithdrawals } from "./withdrawals.ts";

interface RedisQueueDeps {
  /** For pushes alone, so that nothing delays them. Neither connection is closed with the queue. */
  ingest: RedisConnection;
  work: RedisConnection;
  clock: Clock;
  log: Log;
}

export function openRedisQueue({ ingest, work, clock, log }: RedisQueueDeps): Queue {
  const wakers = new Set<(queue: QueueName) => void>();
  const wake = (queues: readonly QueueName[]) => {
    for (const queue of new Set(queues)) for (const waker of wakers) waker(queue);
  };
  const nextId = openIds(clock);
  const nowMs = () => clock.now().getTime();
  const countQueues = async () => items(await work.run(steps.count, [], [nowMs()])).map(items);
  const backlog = openBacklog(clock, async () =>
    (await countQueues()).reduce((sum, [, pending, delayed]) => sum + Number(pending) + Number(delayed), 0),
  );
  const withdrawals = openWithdrawals({ connection: ingest, clock, log });

  /** Handles dead jobs in pieces: a long list must not block Redis. */
  const redriveOrDiscard = async (what: "redrive" | "discard", queue: QueueName, ids?: string[]): Promise<number> => {
    const run = async (count: number, named: string[]) =>
      items(await work.run(steps.redriveOrDiscard, [], [nowMs(), queue, what, count, ...named])).map(Number);
    if (ids) {
      const named = ids.filter(isId);
      return named.length === 0 ? 0 : ((await run(0, named))[1] ?? 0);
    }
    let done = 0;
    let left = Number(await work.command("LLEN", `${queue}:dead`));
    while (left > 0) {
      const [taken = 0, ours = 0] = await run(Math.min(left, DEAD_JOBS_A_STEP), []);
      if (taken === 0) break;
      left -= taken;
      done += ours;
    }
    return done;
  };

  const giveBack = async (jobs: readonly Job[], reason: string, delayMs: number, uncounted: 0 | 1) => {
    const args = [nowMs(), nowMs() + Math.max(0, Math.ceil(delayMs)), shown(reason), uncounted, packClaims(jobs)];
    const ids = texts(await work.run(steps.giveBack, [], args));
    if (delayMs <= 0 && ids.length > 0) wake(jobs.map((job) => job.queue));
    return ids;
  };

  return {
    async push(jobs) {
      if (jobs.length === 0) return;
      const ids = jobs.map(nextId);
      const { header, payloads } = packPushes(ids, jobs);
      const now = clock.now();
      const woken = await ingest
        .run(steps.push, [], [now.getTime(), now.toISOString(), header, ...payloads])
        .catch((error: unknown) => {
          if (mayHaveRun(error)) withdrawals.add(ids);
          throw error;
        });
      wake(texts(woken));
      backlog.add(jobs.length);
    },

    async claim(queues, limit, leaseMs) {
      if (queues.length === 0 || limit.count < 1) return [];
      const args = [nowMs(), limit.count, limit.bytes, crypto.randomUUID(), leaseMs, ...queues];
      return items(await work.run(steps.claim, [], args)).map(readJob);
    },

    async extend(jobs, leaseMs) {
      if (jobs.length === 0) return [];
      return texts(await work.run(steps.extend, [], [nowMs() + leaseMs, packClaims(jobs)]));
    },

    async settle(settlements) {
      if (settlements.length === 0) return [];
      const followUps = settlements.flatMap((one) => one.followUps);
      // Counted from 1, as Lua does.
      const owners = settlements.flatMap((one, index) => one.followUps.map(() => index + 1));
      const { header, payloads } = packPushes(followUps.map(nextId), followUps);
      const claims = packClaims(settlements.map((one) => one.job));
      const now = clock.now();
      const args = [now.getTime(), now.toISOString(), claims, header, JSON.stringify(owners), ...payloads];
      const [settled, woken] = items(await work.run(steps.settle, [], args));
      wake(texts(woken));
      backlog.add(followUps.length);
      return texts(settled);
    },

    retry: async (job, reason, delayMs) => (await giveBack([job], reason, delayMs, 0)).length === 1,

    release: async (jobs, reason, delayMs) => (jobs.length === 0 ? [] : giveBack(jobs, reason, delayMs, 1)),

    async bury(job, reason) {
      const [buried, woken] = items(await work.run(steps.bury, [], [nowMs(), shown(reason), packClaims([job])]));
      wake(texts(woken));
      return items(buried).length === 1;
    },

    async counts() {
      const counted: Record<QueueName, QueueCounts> = {};
      for (const [queue, pending, delayed, active, dead, oldest] of await countQueues()) {
        const oldestSeconds = oldest === "" ? 0 : Math.max(0, nowMs() - Math.round(Number(oldest) * 1_000)) / 1_000;
        counted[String(queue)] = {
          pending: Number(pending),
          delayed: Number(delayed),
          active: Number(active),
          dead: Number(dead),
          oldestSeconds,
        };
      }
      return counted;
    },

    backlog: () => backlog.read(),

    list: (queue, state, limit, after = "") => listJobs({ work, clock }, queue, state, limit, after),

    async redrive(queue, ids) {
      const redriven = await redriveOrDiscard("redrive", queue, ids);
      if (redriven > 0) wake([queue]);
      return redriven;
    },

    discard: (queue, ids) => redriveOrDiscard("discard", queue, ids),

    discardLane: async (lane) => Number(await work.run(steps.discardLane, [], [nowMs(), lane])),

    onPush(waker) {
      wakers.add(waker);
      return () => wakers.delete(waker);
    },

    async close() {
      wakers.clear();
      await withdrawals.close();
    },
  };
}

/** Dead jobs that one step redrives or discards. */
const DEAD_JOBS_A_STEP = 1_000;

/** Whether a push may have run: without an answer it may; after a refusal, or without a connection, it has not. */
function mayHaveRun(error: unknown): boolean {
  if (!(error instanceof Failure) || !(error.cause instanceof Error)) return false;
  return error.cause.name !== "ReplyError" && !/^(Stream isn't writeable|Connection is in )/.test(error.cause.message);
}

/** A reason may quote outside text, which must never prevent a job from being buried. */
const MAX_REASON_CHARACTERS = 2_000;
const shown = (reason: string) => reason.replaceAll("\0", "\uFFFD").slice(0, MAX_REASON_CHARACTERS).toWellFormed();
