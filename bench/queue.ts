// Measures the queue against a plain `for update skip locked` loop on a bare table, in the same run: jobs per second and ratios.
import { openPostgresQueue } from "../src/adapters/postgres/queue/queue.ts";
import { systemClock } from "../src/adapters/system/clock.ts";
import { openBatcher } from "../src/jobs/batcher.ts";
import type { Database } from "../src/ports/database.ts";
import { createTestDatabase } from "../test/support/postgres.ts";

const JOBS = 20_000;
const BATCH = 100;
const ROUNDS = 3;
const LEASE_MS = 60_000;
const PAYLOAD = JSON.stringify({ system: crypto.randomUUID(), at: new Date().toISOString() });

const fixture = await createTestDatabase();
const results = await measure(fixture.database);
await fixture[Symbol.asyncDispose]();
console.log(JSON.stringify({ bench: "queue", jobs: JOBS, batch: BATCH, ...results }));

async function measure(database: Database) {
  await createPlainTable(database);
  const queue = openPostgresQueue({ database, clock: systemClock() });
  const pushOurs = (lanes: boolean) =>
    inBatches((serial) =>
      queue.push(
        Array.from({ length: BATCH }, (_, index) => ({
          queue: "bench",
          payload: PAYLOAD,
          lane: lanes ? `lane-${serial + index}` : undefined,
        })),
      ),
    );
  const workOurs = () =>
    inBatches(async () => {
      const jobs = await queue.claim(["bench"], { count: BATCH, bytes: 1_000_000 }, LEASE_MS);
      await queue.settle(jobs.map((job) => ({ job, followUps: [] })));
    });
  const plain = { push: 0, work: 0 };
  const ours = { push: 0, work: 0 };
  const lanes = { push: 0, work: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    plain.push = Math.max(plain.push, await inBatches(() => pushPlain(database)));
    plain.work = Math.max(plain.work, await inBatches(() => workPlain(database)));
    ours.push = Math.max(ours.push, await pushOurs(false));
    ours.work = Math.max(ours.work, await workOurs());
    lanes.push = Math.max(lanes.push, await pushOurs(true));
    lanes.work = Math.max(lanes.work, await workOurs());
  }
  const emptyMs = await claimMs(queue);
  for (let pushed = 0; pushed < 100_000; pushed += 2_000) {
    await queue.push(Array.from({ length: 2_000 }, () => ({ queue: "other", payload: PAYLOAD, lane: "one" })));
  }
  const groupCommit: Record<string, number> = {};
  for (const flushes of [1, 2, 3]) groupCommit[`flushes_${flushes}`] = await addsPerSecond(database, flushes);
  return {
    jobs_per_second: { plain, ours, ours_one_lane_each: lanes },
    ratio_push: ratio(ours.push, plain.push),
    ratio_claim_settle: ratio(ours.work, plain.work),
    ratio_push_lanes: ratio(lanes.push, plain.push),
    ratio_claim_settle_lanes: ratio(lanes.work, plain.work),
    claim_one_empty_ms: emptyMs,
    claim_one_behind_100000_ms: await claimMs(queue),
    group_commit_adds_per_second: groupCommit,
  };
}

async function createPlainTable(database: Database): Promise<void> {
  await database.query(
    `create table plain_jobs (
       id bigint generated always as identity primary key, queue text not null, state text not null default 'ready',
       payload text not null
     )`,
  );
  await database.query(`create index on plain_jobs (queue, id) where state = 'ready'`);
}

async function pushPlain(database: Database): Promise<void> {
  const payloads = Array.from({ length: BATCH }, () => PAYLOAD);
  await database.query(
    `insert into plain_jobs (queue, payload) select 'bench', payload from unnest($1::text[]) as p (payload)`,
    [payloads],
    { name: "push-plain" },
  );
}

async function workPlain(database: Database): Promise<void> {
  const rows = await database.query<{ id: number }>(
    `update plain_jobs set state = 'active' where id = any(array(
       select id from plain_jobs where queue = 'bench' and state = 'ready' order by id limit ${BATCH} for update skip locked
     )) returning id, payload`,
    [],
    { name: "claim-plain" },
  );
  await database.query(`delete from plain_jobs where id = any($1)`, [rows.map((row) => row.id)], {
    name: "settle-plain",
  });
}

/** Two at a time, as two loops of a runner. */
async function inBatches(run: (serial: number) => Promise<void>): Promise<number> {
  let next = 0;
  const loop = async () => {
    for (let serial = (next += BATCH); serial <= JOBS; serial = next += BATCH) await run(serial);
  };
  const startedAt = performance.now();
  await Promise.all([loop(), loop()]);
  return Math.round(JOBS / ((performance.now() - startedAt) / 1_000));
}

async function claimMs(queue: ReturnType<typeof openPostgresQueue>): Promise<number> {
  const times: number[] = [];
  for (let turn = 0; turn < 200; turn += 1) {
    await queue.push([{ queue: "bench", payload: PAYLOAD }]);
    const startedAt = performance.now();
    const jobs = await queue.claim(["bench"], { count: 1, bytes: 1 }, LEASE_MS);
    times.push(performance.now() - startedAt);
    await queue.settle(jobs.map((job) => ({ job, followUps: [] })));
  }
  return Number(times.toSorted((a, b) => a - b)[100]?.toFixed(3));
}

/** 64 callers that each wait for their own item, as requests do; one push a flush. */
async function addsPerSecond(database: Database, maxFlushes: number): Promise<number> {
  const queue = openPostgresQueue({ database, clock: systemClock() });
  const flush = (items: string[]) => queue.push([{ queue: "beats", payload: items.join("\n") }]);
  const batcher = openBatcher<string>({ flush, maxFlushes });
  let left = JOBS;
  const caller = async () => {
    while ((left -= 1) >= 0) await batcher.add(PAYLOAD);
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: 64 }, caller));
  await batcher.close();
  return Math.round(JOBS / ((performance.now() - startedAt) / 1_000));
}

function ratio(ours: number, ceiling: number): number {
  return Number((ours / ceiling).toFixed(2));
}
