// Counts and lists jobs for operators, and redrives or discards dead ones.
import { readPage } from "../../http/edge/page.ts";
import type { ListedJob, Queue, QueueCounts, QueueName } from "../../ports/queue.ts";
import type { Actor } from "../../values/actor.ts";
import type { ListQuery } from "./schema.ts";

/** Payloads stay inside: they hold what appliances sent. */
export type ShownJob = Omit<ListedJob, "payload" | "payloadBytes"> & { payload_bytes: number };

export interface QueuesApi {
  counts(actor: Actor): Promise<Record<QueueName, QueueCounts>>;
  /** Oldest first. */
  list(actor: Actor, queue: QueueName, query: ListQuery): Promise<{ jobs: ShownJob[]; next_cursor: string | null }>;
  /** Has dead jobs tried again, all of the queue without `ids`; how many that were. */
  redrive(actor: Actor, queue: QueueName, ids?: string[]): Promise<number>;
  /** The same, deleting them. */
  discard(actor: Actor, queue: QueueName, ids?: string[]): Promise<number>;
}

export function openQueuesApi(queue: Queue): QueuesApi {
  return {
    counts: () => queue.counts(),

    async list(_actor, name, { state, limit, cursor }) {
      const { rows, next_cursor } = await readPage({
        limit,
        cursor,
        keys: ["text"],
        read: (after, count) => queue.list(name, state, count, after?.[0]),
        keyOf: (job) => [job.id],
      });
      const jobs = rows.map(({ payload, payloadBytes, ...job }) => ({ ...job, payload_bytes: payloadBytes }));
      return { jobs, next_cursor };
    },

    redrive: (_actor, name, ids) => queue.redrive(name, ids),
    discard: (_actor, name, ids) => queue.discard(name, ids),
  };
}
