// Warns of jobs that wait longer than they ever should: in which queue, for how long, of which system.
import type { Clock } from "../../ports/clock.ts";
import type { ListedJob, Queue, QueueName } from "../../ports/queue.ts";

interface WaitingDeps {
  queue: Pick<Queue, "counts" | "list">;
  clock: Clock;
  maxWaitMs: number;
  /** A Failure 404 when the lane is no system's. */
  showSystem(id: string): Promise<{ system_key: string }>;
}

/** Jobs of one queue and state: the first ones may be pushed for later on purpose. */
const MAX_EXAMINED = 20;

/**
 * One sentence a queue; undefined when all is well. A job waits since its push, because each failed attempt makes it due
 * anew; one without an attempt waits since it was due.
 */
export async function findLongWaiting(deps: WaitingDeps): Promise<string | undefined> {
  const warnings: string[] = [];
  for (const [name, { pending, delayed, active }] of Object.entries(await deps.queue.counts())) {
    const oldest = pending + delayed + active > 0 ? await findOldest(deps, name) : undefined;
    if (oldest && oldest.waitedMs > deps.maxWaitMs) warnings.push(await describe(deps, name, oldest));
  }
  return warnings.length > 0 ? warnings.join(" ") : undefined;
}

interface Oldest {
  job: ListedJob;
  waitedMs: number;
}

async function findOldest({ queue, clock }: WaitingDeps, name: QueueName): Promise<Oldest | undefined> {
  const now = clock.now().getTime();
  let oldest: Oldest | undefined;
  for (const state of ["pending", "delayed", "active"] as const)
    for (const job of await queue.list(name, state, MAX_EXAMINED)) {
      const since = job.attempt > 0 || job.reason !== null ? job.pushedAt : job.dueAt;
      const waitedMs = now - since.getTime();
      if (waitedMs > (oldest?.waitedMs ?? 0)) oldest = { job, waitedMs };
    }
  return oldest;
}

async function describe({ showSystem }: WaitingDeps, name: QueueName, { job, waitedMs }: Oldest): Promise<string> {
  const owner = job.lane === null ? undefined : await showSystem(job.lane).catch(() => undefined);
  const whose = owner ? ` of the system ${owner.system_key}` : "";
  const why = job.reason === null ? "" : ` (${job.reason.slice(0, 200)})`;
  return `In ${name} a job${whose} has been waiting for ${Math.floor(waitedMs / 60_000)} min${why}.`;
}
