// Carries one claimed batch from handler to outcome: settled together, or split so that each job answers for itself.
import { Permanent, Retry } from "../errors.ts";
import type { JobHandler } from "../domain.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports/clock.ts";
import type { Job, Push, Queue } from "../ports/queue.ts";
import { MAX_ATTEMPTS, dependencyOutageDelayMs, retryDelayMs } from "./backoff.ts";
import { keepLease } from "./lease.ts";
import type { Lease } from "./lease.ts";
import { isOutage, reasonText } from "./outage.ts";
import type { Outage } from "./outage.ts";

/** Claims without an outcome after which a job is given up without a run: it may be what kills the process. */
const MAX_CLAIMS = 25;

interface BatchDeps {
  queue: Queue;
  clock: Clock;
  log: Log;
  /** From 0 to 1. */
  random: () => number;
  /** Repeats a call until the queue is reachable; undefined when the runner gave up waiting. */
  untilReachable: <Result>(call: () => Promise<Result>) => Promise<Result | undefined>;
  /** Outages of the handler's dependencies. */
  outage: Outage;
  count: (outcome: "done" | "failed" | "buried", jobs: number) => void;
}

/** Resolves with the number of attempts in a row that failed because the handler's dependency was away, or 0. */
export async function runBatch(deps: BatchDeps, handler: JobHandler, jobs: readonly Job[]): Promise<number> {
  const lease = keepLease(deps, jobs, handler.leaseMs);
  try {
    const { first, again } = byTry(jobs);
    const awayFirst = first.length > 0 ? await runGroup(deps, handler, first, lease) : 0;
    const awayAgain = again.length > 0 ? await runEachAlone(deps, handler, again, lease) : 0;
    return Math.max(awayFirst, awayAgain);
  } finally {
    lease.drop(jobs);
  }
}

/** A job that failed before, or never had an outcome, runs alone: it must not make its neighbors fail again. */
export const byTry = (jobs: readonly Job[]) => ({
  first: jobs.filter((job) => job.attempt === 1),
  again: jobs.filter((job) => job.attempt > 1),
});

async function runGroup(deps: BatchDeps, handler: JobHandler, jobs: Job[], lease: Lease): Promise<number> {
  const failure = await tryJobs(deps, handler, jobs);
  if (!failure) return succeeded(deps, lease, jobs);
  const [first] = jobs;
  if (first && jobs.length === 1) return conclude(deps, lease, first, failure.error);
  return runEachAlone(deps, handler, jobs, lease);
}

/** In random order: when two jobs in a row fail because a dependency is away, the rest is not tried, and it is never the same two. */
async function runEachAlone(deps: BatchDeps, handler: JobHandler, jobs: Job[], lease: Lease): Promise<number> {
  const waiting = shuffled(jobs, deps.random);
  let outagesInARow = 0;
  let away = 0;
  for (let job = waiting.pop(); job; job = waiting.pop()) {
    const failure = await tryJobs(deps, handler, [job]);
    if (!failure) {
      outagesInARow = 0;
      away = succeeded(deps, lease, [job]);
      continue;
    }
    if (!isOutage(failure.error)) {
      outagesInARow = 0;
      await conclude(deps, lease, job, failure.error);
      continue;
    }
    away = deps.outage.failed(failure.error);
    outagesInARow += 1;
    const released = outagesInARow < 2 ? [job] : [job, ...waiting.splice(0)];
    await release(deps, lease, released, failure.error, away);
  }
  return away;
}

/** Runs and settles; returns the error of the handler, or of a follow-up that the queue refused. */
async function tryJobs(deps: BatchDeps, handler: JobHandler, jobs: Job[]): Promise<{ error: unknown } | undefined> {
  try {
    refuseHopeless(jobs);
    const followUps = (await handler.handle(jobs)) ?? [];
    await settle(deps, jobs, followUps);
    return undefined;
  } catch (error) {
    return { error };
  }
}

function refuseHopeless(jobs: readonly Job[]): void {
  const hopeless = jobs.find((job) => job.attempt > MAX_CLAIMS);
  if (hopeless) throw new Permanent(`Its lease ran out ${MAX_CLAIMS} times without an outcome.`);
}

async function settle(deps: BatchDeps, jobs: readonly Job[], followUps: readonly Push[][]): Promise<void> {
  const settlements = jobs.map((job, index) => ({ job, followUps: followUps[index] ?? [] }));
  const settled = await deps.untilReachable(() => deps.queue.settle(settlements));
  if (!settled) return;
  deps.count("done", settled.length);
  const lost = jobs.length - settled.length;
  if (lost > 0)
    deps.log.warn("leases were lost while their jobs ran; their outcomes are dropped", lostFacts(jobs, lost));
}

const lostFacts = (jobs: readonly Job[], lost: number) => ({ queue: jobs[0]?.queue, jobs: lost });

function succeeded(deps: BatchDeps, lease: Lease, jobs: readonly Job[]): 0 {
  lease.drop(jobs);
  deps.outage.over();
  return 0;
}

async function conclude(deps: BatchDeps, lease: Lease, job: Job, error: unknown): Promise<number> {
  if (isOutage(error)) {
    const away = deps.outage.failed(error);
    await release(deps, lease, [job], error, away);
    return away;
  }
  const reason = reasonText(error);
  const facts = { queue: job.queue, id: job.id, attempt: job.attempt, reason };
  if (error instanceof Permanent || job.attempt >= MAX_ATTEMPTS) {
    const buried = await deps.untilReachable(() => deps.queue.bury(job, reason));
    if (buried) deps.count("buried", 1);
    if (buried) deps.log.error("job given up: it is a dead letter now", facts);
  } else {
    const delayMs = delayOf(error) ?? retryDelayMs(job.attempt, deps.random());
    await deps.untilReachable(() => deps.queue.retry(job, reason, delayMs));
    deps.log.warn("job failed and will be tried again", { ...facts, delay_ms: delayMs });
  }
  deps.count("failed", 1);
  lease.drop([job]);
  return 0;
}

function delayOf(error: unknown): number | undefined {
  return error instanceof Retry && error.afterMs >= 0 && error.afterMs < Infinity ? error.afterMs : undefined;
}

async function release(
  deps: BatchDeps,
  lease: Lease,
  jobs: readonly Job[],
  error: unknown,
  away: number,
): Promise<void> {
  const now = deps.clock.now().getTime();
  const ageMs = now - Math.max(...jobs.map((job) => job.pushedAt.getTime()));
  const delayMs = dependencyOutageDelayMs(away, ageMs, deps.random());
  await deps.untilReachable(() => deps.queue.release([...jobs], reasonText(error), delayMs));
  deps.count("failed", jobs.length);
  lease.drop(jobs);
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}
