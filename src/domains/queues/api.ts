// Counts and lists jobs for operators, and redrives or discards dead ones.
import { readPage } from "../../http/edge/page.ts";
import type { ListedJob, Queue, QueueCounts, QueueName } from "../../ports/queue.ts";
import type { Actor } from "../../values/actor.ts";
import type { ListQuery } from "./schema.ts";

/** Without the payload, which holds what an appliance sent. */
export type ShownJob = Omit<ListedJob, "payload" | "payloadBytes"> & { payload_bytes: number };

export interface QueuesApi {
  counts(actor: Actor): Promise<Record<QueueName, QueueCounts>>;
  /** Oldest first. */
  list(actor: Actor, queue: QueueName, query: ListQuery): Promise<{ jobs: ShownJob[]; next_cursor: string | null }>;
  /** Makes dead jobs due again, all of the queue without `ids`; returns their number. */
  redrive(actor: Actor, queue: QueueName, ids?: string[]): Promise<number>;
  /** Deletes dead jobs, all of the queue without `ids`; returns their number. */
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
