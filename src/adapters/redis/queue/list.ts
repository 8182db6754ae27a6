// Lists of jobs for operators, read in pieces so that a long queue never holds Redis up.
import type { Clock } from "../../../ports/clock.ts";
import type { JobState, ListedJob, QueueName } from "../../../ports/queue.ts";
import type { RedisConnection } from "../connection.ts";
import { readListed, texts, items } from "./pack.ts";
import { steps } from "./steps.ts";

const PIECE = 1_000;

/** Jobs of one state in push order after an id. A job that changes meanwhile may be missed, but is never shown with a wrong state. */
export async function listJobs(
  { work, clock }: { work: RedisConnection; clock: Clock },
  queue: QueueName,
  state: JobState,
  limit: number,
  after: string,
): Promise<ListedJob[]> {
  const ids = new Set<string>();
  for (const place of PLACES[state]) for (const id of await readIds(work, `${queue}${place}`)) ids.add(id);
  const waiting = [...ids].filter((id) => id > after).toSorted();
  const found: ListedJob[] = [];
  // Reads in pieces, since some of the ids may have another state by now; reads payloads only of shown jobs.
  for (let at = 0; at < waiting.length && found.length < limit; at += PIECE) {
    const piece = waiting.slice(at, at + PIECE);
    const jobs = await describeJobs(work, clock, piece, false);
    const shown = jobs.filter((job) => job.state === state && job.queue === queue).slice(0, limit - found.length);
    found.push(
      ...(await describeJobs(
        work,
        clock,
        shown.map((job) => job.id),
        true,
      )),
    );
  }
  return found;
}

/** Redis keys that may hold jobs of a state: a due job counts as pending before a claim moves it. */
const PLACES: Record<JobState, string[]> = {
  pending: ["", ":delayed", ":active"],
  delayed: [":delayed"],
  active: [":active"],
  dead: [":dead"],
};

async function readIds(work: RedisConnection, key: string): Promise<string[]> {
  const command = key.endsWith(":delayed") || key.endsWith(":active") ? "ZRANGE" : "LRANGE";
  const ids: string[] = [];
  for (let at = 0; ; at += PIECE) {
    const members = texts(await work.command(command, key, at, at + PIECE - 1));
    for (const member of members) ids.push(/^\{"id":"(\w+)"/.exec(member)?.[1] ?? member);
    if (members.length < PIECE) return ids;
  }
}

async function describeJobs(
  work: RedisConnection,
  clock: Clock,
  ids: string[],
  withPayloads: boolean,
): Promise<ListedJob[]> {
  if (ids.length === 0) return [];
  const replies = items(await work.run(steps.describe, [], [withPayloads ? 1 : 0, ...ids]));
  return replies.map((reply) => readListed(reply, clock.now().getTime()));
}
