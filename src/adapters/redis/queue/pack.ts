// Pushes and replies of the queue's steps, as values that travel well.
import { Permanent } from "../../../errors.ts";
import { LISTED_CHARACTERS } from "../../../ports/queue.ts";
import type { Job, JobState, ListedJob, Push } from "../../../ports/queue.ts";
import type { Reply } from "../connection.ts";

/** JSON for add_jobs; payloads are separate arguments, unescaped. */
export function packPushes(ids: readonly string[], pushes: readonly Push[]): { header: string; payloads: string[] } {
  for (const push of pushes) refuseNul(push);
  const header = pushes.map(({ queue, key, lane, delayMs = 0, keyHeldMs }, index) => [
    ids[index],
    queue,
    key?.toWellFormed() ?? false,
    lane?.toWellFormed() ?? false,
    Math.max(0, Math.ceil(delayMs)),
    keyHeldMs ?? false,
  ]);
  return { header: JSON.stringify(header), payloads: pushes.map((push) => push.payload) };
}

/** Every adapter refuses the same texts, so that a job can move from one to another. */
function refuseNul({ queue, payload, key, lane }: Push): void {
  if (!payload.includes("\0") && !key?.includes("\0") && !lane?.includes("\0")) return;
  throw new Permanent(`A job for ${queue} holds U+0000, which the queue cannot keep.`);
}

export const packClaims = (jobs: readonly Job[]) => JSON.stringify(jobs.map(({ id, lease }) => [id, lease]));

export function readJob(reply: Reply): Job {
  const [id, queue, payload, key, lane, attempt, lease, pushedAt] = items(reply);
  return {
    id: String(id),
    queue: String(queue),
    payload: String(payload),
    key: key === null ? null : String(key),
    lane: lane === null ? null : String(lane),
    attempt: Number(attempt),
    lease: String(lease),
    pushedAt: new Date(String(pushedAt)),
  };
}

/** A job whose lease ran out or that is due counts as pending, whether a claim has moved it or not. */
export function readListed(reply: Reply, nowMs: number): ListedJob {
  const { lease, ...job } = readJob(reply);
  const [state, dueMs, reason] = items(reply).slice(8);
  const isDue = Number(dueMs) <= nowMs;
  const states: Record<string, JobState> = {
    p: "pending",
    d: isDue ? "pending" : "delayed",
    a: isDue ? "pending" : "active",
    x: "dead",
  };
  return {
    ...job,
    payload: job.payload.slice(0, LISTED_CHARACTERS),
    payloadBytes: Buffer.byteLength(job.payload),
    state: states[String(state)] ?? "pending",
    dueAt: new Date(Number(dueMs)),
    reason: typeof reason === "string" ? reason : null,
  };
}

export const items = (reply: Reply | undefined): Reply[] => (Array.isArray(reply) ? reply : []);
export const texts = (reply: Reply | undefined): string[] => items(reply).map(String);
