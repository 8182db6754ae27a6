// Pushes as the columns that push_jobs and settle_jobs take.
import { Permanent } from "../../../errors.ts";
import type { Push } from "../../../ports/queue.ts";

/** Index i of each array is push i; its payload is the `sizes[i]` bytes of `payloads` from byte `starts[i]` (counted from 1). */
export interface PackedPushes {
  queues: string[];
  keys: (string | null)[];
  lanes: (string | null)[];
  delaysMs: number[];
  /** Null when no push holds its key. */
  holdsMs: (number | null)[] | null;
  payloads: Buffer;
  starts: number[];
  sizes: number[];
}

/** All payloads as one binary value instead of a text array: nothing needs escaping, and sizes are known beforehand. */
export function packPushes(pushes: readonly Push[]): PackedPushes {
  for (const push of pushes) refuseNul(push);
  const payloads = pushes.map((push) => Buffer.from(push.payload));
  let next = 1;
  return {
    queues: pushes.map((push) => push.queue),
    keys: pushes.map((push) => push.key ?? null),
    lanes: pushes.map((push) => push.lane ?? null),
    delaysMs: pushes.map((push) => Math.max(0, Math.ceil(push.delayMs ?? 0))),
    holdsMs: pushes.some((push) => push.keyHeldMs !== undefined) ? pushes.map((push) => push.keyHeldMs ?? null) : null,
    starts: payloads.map((payload) => {
      const start = next;
      next += payload.length;
      return start;
    }),
    sizes: payloads.map((payload) => payload.length),
    payloads: Buffer.concat(payloads),
  };
}

function refuseNul({ queue, payload, key, lane }: Push): void {
  if (!payload.includes("\0") && !key?.includes("\0") && !lane?.includes("\0")) return;
  throw new Permanent(`A job for ${queue} holds U+0000, which the queue cannot keep.`);
}
