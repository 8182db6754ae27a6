// Tells of work that has waited longer than it ever should: its queue, for how long, and whose it is.
import type { Clock } from "../../ports/clock.ts";
import type { ListedJob, Queue, QueueName } from "../../ports/queue.ts";

export interface WaitingDeps {
  queue: Pick<Queue, "counts" | "list">;
  clock: Clock;
  maxWaitMs: number;
  /** A Failure 404 when the lane is no system's. */
  showSystem(id: string): Promise<{ system_key: string }>;
}

/** Of one queue: those in front may be pushed for later on purpose. */
const LOOKED_AT = 20;

/**
 * By the time since the push, since each failed try makes a job due anew. One that nobody has tried yet waits only from the time
 * it is due. A sentence a queue; undefined when all is well.
 */
export async function tellWaiting(deps: WaitingDeps): Promise<string | undefined> {
  const told: string[] = [];
  for (const [name, { pending, delayed, active }] of Object.entries(await deps.queue.counts())) {
    const oldest = pending + delayed + active > 0 ? await findOldest(deps, name) : undefined;
    if (oldest && oldest.waitedMs > deps.maxWaitMs) told.push(await describe(deps, name, oldest));
  }
  return told.length > 0 ? told.join(" ") : undefined;
}

interface Oldest {
  job: ListedJob;
  waitedMs: number;
}

async function findOldest({ queue, clock }: WaitingDeps, name: QueueName): Promise<Oldest | undefined> {
  const now = clock.now().getTime();
  let oldest: Oldest | undefined;
  for (const state of ["pending", "delayed", "active"] as const)
    for (const job of await queue.list(name, state, LOOKED_AT)) {
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
