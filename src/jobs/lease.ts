// Keeps a claim while its handler works.
import type { Clock } from "../ports/clock.ts";
import type { Job, Queue } from "../ports/queue.ts";

export interface Lease {
  /** Stops extending these jobs: they have an outcome. */
  drop(jobs: readonly Job[]): void;
}

/** Extends the jobs at each third of the lease, so that one failed try does not lose it, until all are dropped. */
export function keepLease(
  { queue, clock }: { queue: Queue; clock: Clock },
  jobs: readonly Job[],
  leaseMs: number,
): Lease {
  const held = new Map(jobs.map((job) => [job.id, job]));
  let cancel = () => {};

  const schedule = () => {
    cancel = clock.after(leaseMs / 3, () => void extend());
  };
  const extend = async () => {
    const asked = [...held.values()];
    // The next third retries a failed extension; a lost lease shows when the job's outcome is stored.
    const kept = await queue.extend(asked, leaseMs).catch(() => asked.map((job) => job.id));
    for (const job of asked) if (!kept.includes(job.id)) held.delete(job.id);
    if (held.size > 0) schedule();
  };

  schedule();
  return {
    drop(concluded) {
      for (const job of concluded) held.delete(job.id);
      if (held.size === 0) cancel();
    },
  };
}
