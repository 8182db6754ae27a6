// Runs the domains' jobs: one claiming loop a handler, up to `concurrency` batches of it at work.
import type { JobHandler } from "../domain.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports/clock.ts";
import type { Job, Queue, QueueName } from "../ports/queue.ts";
import { dependencyOutageDelayMs, queueOutageDelayMs } from "./backoff.ts";
import { byTry, runBatch } from "./batch.ts";
import { isTransient, reasonText, watchOutage } from "./outage.ts";

interface RunnerDeps {
  queue: Queue;
  handlers: readonly JobHandler[];
  clock: Clock;
  log: Log;
  /** How long a job that another process pushed, or that became due by time, may wait before a poll finds it. */
  pollMs: number;
  /** From 0 to 1, for jitter. */
  random?: () => number;
}

export interface HandlerStats {
  /** Jobs at work in this process. */
  running: number;
  done: number;
  /** Attempts that failed, whatever became of the job. */
  failed: number;
  buried: number;
  lastActivityAt: Date | null;
}

export interface Runner {
  start(): void;
  /** Claims nothing more and waits for the jobs at work. Resolves with how many were left running at the deadline. */
  stop(deadlineMs: number): Promise<number>;
  /** Runs everything that is due, follow-ups included, until nothing is left to claim. For tests, on a runner not started. */
  drain(): Promise<void>;
  stats(): Record<QueueName, HandlerStats>;
}

/**
 * Beside its batches each handler has this many places for jobs that failed before, so that a slow one never delays jobs on their
 * first attempt. When these places are taken, such jobs wait like the others.
 */
const PLACES_AGAIN = 4;
/** Places for jobs marked as long; one, since long jobs also need much memory. */
const PLACES_LONG = 1;

export function openRunner({ queue, handlers, clock, log, pollMs, random = Math.random }: RunnerDeps): Runner {
  const stopping = new AbortController();
  const givingUp = new AbortController();
  const queueOutage = watchOutage("The queue", clock, log);
  const workers = handlers.map((handler) => openWorker(handler));
  let loops: Promise<void>[] = [];
  let unsubscribe = () => {};

  return {
    start() {
      unsubscribe = queue.onPush((name) => {
        for (const worker of workers) if (worker.handler.queue === name) worker.wake();
      });
      loops = workers.map((worker) => work(worker));
    },

    async stop(deadlineMs) {
      unsubscribe();
      stopping.abort();
      for (const worker of workers) worker.wake();
      const deadline = new AbortController();
      const finished = Promise.all(loops).finally(() => deadline.abort());
      await Promise.race([finished, clock.sleep(deadlineMs, deadline.signal)]);
      givingUp.abort();
      return workers.reduce((sum, worker) => sum + worker.stats.running, 0);
    },

    async drain() {
      for (let claimed = true; claimed;) {
        claimed = false;
        for (const worker of workers) {
          for (let jobs = await claim(worker.handler); jobs.length > 0; jobs = await claim(worker.handler)) {
            claimed = true;
            await runClaimed(worker, jobs);
          }
        }
      }
    },

    stats: () => Object.fromEntries(workers.map(({ handler, stats }) => [handler.queue, { ...stats }])),
  };

  async function work(worker: Worker): Promise<void> {
    const { handler, batches } = worker;
    while (!stopping.signal.aborted) {
      if (batches.size >= handler.concurrency) {
        await Promise.race(batches);
        continue;
      }
      if (worker.away > 0) await clock.sleep(dependencyOutageDelayMs(worker.away, 0, random()), stopping.signal);
      const woken = worker.nextWake();
      const jobs = stopping.signal.aborted ? [] : await claimWhenReachable(handler);
      if (jobs.length === 0) {
        await idle(woken);
        continue;
      }
      const { first, again } = byTry(jobs);
      const isLong = (job: Job) => handler.isLong?.(job) ?? false;
      place(
        worker,
        batches,
        Infinity,
        first.filter((job) => !isLong(job)),
      );
      place(worker, worker.long, PLACES_LONG, first.filter(isLong));
      place(worker, worker.again, PLACES_AGAIN, again);
      if (handler.lingerMs && jobs.length < handler.batch) await clock.sleep(handler.lingerMs, stopping.signal);
    }
    await Promise.all([...batches, ...worker.long, ...worker.again]);
  }

  function place(worker: Worker, places: Set<Promise<void>>, most: number, jobs: Job[]): void {
    if (jobs.length > 0) keep(places.size < most ? places : worker.batches, runClaimed(worker, jobs));
  }

  function keep(places: Set<Promise<void>>, run: Promise<void>): void {
    const kept: Promise<void> = run.finally(() => places.delete(kept));
    places.add(kept);
  }

  async function idle(woken: Promise<void>): Promise<void> {
    const slept = new AbortController();
    await Promise.race([woken, clock.sleep(pollMs, slept.signal)]);
    slept.abort();
  }

  function claim(handler: JobHandler): Promise<Job[]> {
    return queue.claim([handler.queue], { count: handler.batch, bytes: handler.batchBytes }, handler.leaseMs);
  }

  /** Any failure of a claim means that the queue cannot be used: the runner waits. */
  async function claimWhenReachable(handler: JobHandler): Promise<Job[]> {
    const jobs = await retryCall(
      () => claim(handler),
      () => true,
      stopping.signal,
    );
    return jobs ?? [];
  }

  async function runClaimed(worker: Worker, jobs: Job[]): Promise<void> {
    const { handler, stats } = worker;
    stats.running += jobs.length;
    stats.lastActivityAt = clock.now();
    try {
      worker.away = await runBatch(
        {
          queue,
          clock,
          log,
          random,
          outage: worker.outage,
          untilReachable: (call) => retryCall(call, isTransient, givingUp.signal),
          count: (outcome, count) => (stats[outcome] += count),
        },
        handler,
        jobs,
      );
    } catch (error) {
      // The jobs come back when their lease runs out; this loop has others to run.
      log.error("the outcome of jobs could not be stored", {
        queue: handler.queue,
        jobs: jobs.length,
        reason: reasonText(error),
      });
    } finally {
      stats.running -= jobs.length;
      stats.lastActivityAt = clock.now();
    }
  }

  async function retryCall<Result>(
    call: () => Promise<Result>,
    isWorthWaiting: (error: unknown) => boolean,
    signal: AbortSignal,
  ): Promise<Result | undefined> {
    for (let failures = 1; ; failures += 1) {
      try {
        const result = await call();
        queueOutage.over();
        return result;
      } catch (error) {
        if (!isWorthWaiting(error)) throw error;
        if (signal.aborted) return undefined;
        queueOutage.failed(error);
        await clock.sleep(queueOutageDelayMs(failures), signal);
        if (signal.aborted) return undefined;
      }
    }
  }

  function openWorker(handler: JobHandler) {
    let wake = () => {};
    return {
      handler,
      batches: new Set<Promise<void>>(),
      /** Of jobs that take long. */
      long: new Set<Promise<void>>(),
      /** Of jobs that failed before. */
      again: new Set<Promise<void>>(),
      stats: { running: 0, done: 0, failed: 0, buried: 0, lastActivityAt: null } as HandlerStats,
      /** Attempts in a row that failed because the handler's dependency was away. */
      away: 0,
      outage: watchOutage(`What ${handler.queue} jobs depend on`, clock, log),
      wake: () => wake(),
      /** Requested before a claim, so that a push during the claim is not missed. */
      nextWake: () => new Promise<void>((resolve) => (wake = resolve)),
    };
  }
  type Worker = ReturnType<typeof openWorker>;
}
