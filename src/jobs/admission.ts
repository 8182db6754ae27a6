// Applies backpressure: beyond so many waiting jobs, ingest answers 503 for a moment.
import { Failure } from "../errors.ts";
import type { Queue } from "../ports/queue.ts";

/** Throws a 503 with a short Retry-After while the queue holds too much. */
type Admit = () => Promise<void>;

export function openAdmission({ queue, maxPending }: { queue: Pick<Queue, "backlog">; maxPending: number }): Admit {
  return async () => {
    if ((await queue.backlog()) < maxPending) return;
    throw new Failure("ingest.busy", 503, "too much work is waiting; try again shortly", { retryAfterSeconds: 3 });
  };
}
