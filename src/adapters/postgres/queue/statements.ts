// Holds the SQL of the queue, one function a statement; those on the hot path are prepared.
import type { Queryable } from "../../../ports/database.ts";
import { LISTED_CHARACTERS } from "../../../ports/queue.ts";
import type { ClaimLimit, Job, JobState, ListedJob, QueueCounts, QueueName } from "../../../ports/queue.ts";
import type { PackedPushes } from "./pack.ts";

type Woken = QueueName[] | null;

export async function pushJobs(db: Queryable, now: Date, pushes: PackedPushes): Promise<Woken> {
  const [row] = await db.query<{ woken: Woken }>(
    `select push_jobs($1, $2, $3, $4, $5, $6, $7, $8, $9) as woken`,
    [
      now,
      pushes.queues,
      pushes.keys,
      pushes.lanes,
      pushes.delaysMs,
      pushes.holdsMs,
      pushes.payloads,
      pushes.starts,
      pushes.sizes,
    ],
    { name: "push-jobs" },
  );
  return row?.woken ?? null;
}

/** For pushes without key and lane: they block no other job, so no name is locked and nothing is looked up. */
export async function insertJobs(db: Queryable, now: Date, pushes: PackedPushes): Promise<void> {
  await db.query(
    `insert into jobs (id, place, queue, state, due_at, pushed_at, payload_bytes, payload)
     select id, id, queue, 'ready', $1::timestamptz + delay_ms * interval '1 millisecond', $1, size, convert_from(substr($4::bytea, start, size), 'UTF8')
     from (
       select nextval('jobs_id_seq') as id, p.*
       from unnest($2::text[], $3::bigint[], $5::integer[], $6::integer[]) as p (queue, delay_ms, start, size)
     ) numbered`,
    [now, pushes.queues, pushes.delaysMs, pushes.payloads, pushes.starts, pushes.sizes],
    { name: "insert-jobs" },
  );
}

interface ClaimedRow {
  id: string;
  queue: string;
  payload: string;
  key: string | null;
  lane: string | null;
  attempt: number;
  pushed_at: Date;
}

export async function claimJobs(
  db: Queryable,
  now: Date,
  queues: readonly QueueName[],
  limit: ClaimLimit,
  lease: string,
  leaseMs: number,
): Promise<Job[]> {
  const rows = await db.query<ClaimedRow>(
    `select id::text, queue, payload, key, lane, attempt, pushed_at from claim_jobs($1, $2, $3, $4, $5, $6) order by nth`,
    [now, queues, limit.count, limit.bytes, lease, leaseMs],
    { name: "claim-jobs" },
  );
  return rows.map(({ pushed_at, ...row }) => ({ ...row, lease, pushedAt: pushed_at }));
}

export async function extendLeases(db: Queryable, until: Date, ids: string[], leases: string[]): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `update jobs set due_at = $1
     where id = any($2::bigint[]) and state = 'active' and lease = ($3::uuid[])[array_position($2::bigint[], id)]
     returning id::text`,
    [until, ids, leases],
    { name: "extend-leases" },
  );
  return rows.map((row) => row.id);
}

interface HeldJobs {
  ids: string[];
  leases: string[];
  lockNames: string[];
}

export async function settleJobs(
  db: Queryable,
  now: Date,
  held: HeldJobs,
  owners: string[],
  followUps: PackedPushes,
): Promise<{ settled: string[]; woken: Woken }> {
  const [row] = await db.query<{ settled: string[] | null; woken: Woken }>(
    `select settled::text[], woken from settle_jobs($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      now,
      held.ids,
      held.leases,
      held.lockNames,
      owners,
      followUps.queues,
      followUps.keys,
      followUps.lanes,
      followUps.delaysMs,
      followUps.holdsMs,
      followUps.payloads,
      followUps.starts,
      followUps.sizes,
    ],
    { name: "settle-jobs" },
  );
  return { settled: row?.settled ?? [], woken: row?.woken ?? null };
}

/** For jobs of one claim without lane, key and follow-ups: no name is locked, and no job waits behind them. */
export async function settleFreeJobs(db: Queryable, ids: string[], lease: string): Promise<string[]> {
  const rows = await db.query<{ id: string }>(`select settle_free_jobs($1, $2)::text as id`, [ids, lease], {
    name: "settle-free-jobs",
  });
  return rows.map((row) => row.id);
}

/** Returns jobs to waiting, at the head of their lanes. `uncounted` is 1 where the attempt does not count. */
export async function returnJobs(
  db: Queryable,
  dueAt: Date,
  ids: string[],
  leases: string[],
  reason: string,
  uncounted: 0 | 1,
): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `update jobs set state = 'ready', lease = null, due_at = $1, reason = $4, attempt = greatest(0, attempt - $5)
     where id = any($2::bigint[]) and state = 'active' and lease = ($3::uuid[])[array_position($2::bigint[], id)]
     returning id::text`,
    [dueAt, ids, leases, reason, uncounted],
    { name: "return-jobs" },
  );
  return rows.map((row) => row.id);
}

export async function buryJob(
  db: Queryable,
  now: Date,
  job: Job,
  reason: string,
): Promise<{ buried: boolean; woken: Woken }> {
  const [row] = await db.query<{ buried: boolean; woken: Woken }>(
    `select buried, woken from bury_job($1, $2, $3, $4, $5)`,
    [now, job.id, job.lease, job.lane, reason],
  );
  return { buried: row?.buried ?? false, woken: row?.woken ?? null };
}

export async function countJobs(db: Queryable, now: Date): Promise<Record<QueueName, QueueCounts>> {
  const rows = await db.query<QueueCounts & { queue: QueueName }>(
    `select queue, sum(pending)::float8 as pending, sum(delayed)::float8 as delayed, sum(active)::float8 as active,
       sum(dead)::float8 as dead, coalesce(extract(epoch from $1 - min(oldest))::float8, 0) as "oldestSeconds"
     from count_jobs($1) group by queue`,
    [now],
    { name: "count-jobs" },
  );
  return Object.fromEntries(rows.map(({ queue, ...counts }) => [queue, counts]));
}

export async function countWaiting(db: Queryable): Promise<number> {
  const [row] = await db.query<{ waiting: number }>(`select count_waiting_jobs()::float8 as waiting`, [], {
    name: "count-waiting",
  });
  return row?.waiting ?? 0;
}

const STATE_CONDITIONS: Record<JobState, string> = {
  pending: `state <> 'dead' and due_at <= $1`,
  delayed: `state in ('ready', 'blocked') and due_at > $1`,
  active: `state = 'active' and due_at > $1`,
  dead: `state = 'dead' and $1::timestamptz is not null`,
};

export async function listJobs(
  db: Queryable,
  now: Date,
  queue: QueueName,
  state: JobState,
  limit: number,
  after: string,
): Promise<ListedJob[]> {
  const rows = await db.query<ClaimedRow & { payload_bytes: number; due_at: Date; reason: string | null }>(
    `select id::text, queue, left(payload, ${LISTED_CHARACTERS}) as payload, payload_bytes, key, lane, attempt, pushed_at, due_at, reason
     from jobs where ${STATE_CONDITIONS[state]} and queue = $2 and id > $3 order by jobs.id limit $4`,
    [now, queue, after, limit],
  );
  return rows.map(({ pushed_at, due_at, payload_bytes, ...row }) => ({
    ...row,
    payloadBytes: payload_bytes,
    state,
    pushedAt: pushed_at,
    dueAt: due_at,
  }));
}

export async function redriveJobs(db: Queryable, now: Date, queue: QueueName, ids: string[] | null): Promise<number> {
  const [row] = await db.query<{ redriven: number }>(`select redrive_jobs($1, $2, $3)::float8 as redriven`, [
    now,
    queue,
    ids,
  ]);
  return row?.redriven ?? 0;
}

export async function discardJobs(db: Queryable, queue: QueueName, ids: string[] | null): Promise<number> {
  const rows = await db.query(
    `delete from jobs where queue = $1 and state = 'dead' and ($2::bigint[] is null or id = any($2)) returning 1`,
    [queue, ids],
  );
  return rows.length;
}

export async function discardLane(db: Queryable, now: Date, lane: string): Promise<number> {
  const [row] = await db.query<{ discarded: number }>(`select discard_job_lane($1, $2)::float8 as discarded`, [
    now,
    lane,
  ]);
  return row?.discarded ?? 0;
}
