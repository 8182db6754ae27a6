// Measures the queue in Redis against plain loops of LPUSH, LMOVE and LREM in the same run, one command at a time and in pipelines.
import { Redis } from "ioredis";
import { openConnection } from "../src/adapters/redis/connection.ts";
import { openRedisQueue } from "../src/adapters/redis/queue/queue.ts";
import { systemClock } from "../src/adapters/system/clock.ts";
import type { Queue } from "../src/ports/queue.ts";
import { testLog } from "../test/support/run.ts";
import { hasRedis, startRedis } from "../test/support/redis.ts";

const JOBS = 40_000;
const BATCH = 100;
const ROUNDS = 3;
const LEASE_MS = 60_000;
const PAYLOAD = JSON.stringify({ system: crypto.randomUUID(), at: new Date().toISOString() });

if (hasRedis) {
  await using redis = await startRedis();
  const options = { url: redis.url, db: 1 };
  const [ingest, work] = await Promise.all([
    openConnection(options, { name: "ingest", log: testLog }),
    openConnection(options, { name: "work", log: testLog }),
  ]);
  const client = new Redis({ path: new URL(redis.url).pathname, db: 1 });
  const queue = openRedisQueue({ ingest, work, clock: systemClock(), log: testLog });
  console.log(JSON.stringify({ jobs: JOBS, batch: BATCH, ...(await measure(client, queue)) }));
  await queue.close();
  client.disconnect();
  await Promise.all([ingest.close(), work.close()]);
} else {
  console.log(JSON.stringify({ skipped: "redis-server is not installed" }));
}

async function measure(client: Redis, queue: Queue) {
  const plain = { push: 0, work: 0 };
  const pipelined = { push: 0, work: 0 };
  const ours = { push: 0, work: 0 };
  const lanes = { push: 0, work: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    plain.push = Math.max(plain.push, await inBatches(() => oneByOne(() => client.lpush("plain", PAYLOAD))));
    plain.work = Math.max(
      plain.work,
      await inBatches((serial) => oneByOne(() => workPlain(client, `plain:${serial}`))),
    );
    pipelined.push = Math.max(pipelined.push, await inBatches(() => pushPipelined(client)));
    pipelined.work = Math.max(pipelined.work, await inBatches((serial) => workPipelined(client, `plain:${serial}`)));
    ours.push = Math.max(ours.push, await inBatches((serial) => pushOurs(queue, serial, false)));
    ours.work = Math.max(ours.work, await inBatches(() => workOurs(queue)));
    lanes.push = Math.max(lanes.push, await inBatches((serial) => pushOurs(queue, serial, true)));
    lanes.work = Math.max(lanes.work, await inBatches(() => workOurs(queue)));
  }
  const ratio = (one: number, ceiling: number) => Number((one / ceiling).toFixed(2));
  const emptyMs = await claimMs(queue);
  for (let pushed = 0; pushed < 100_000; pushed += 2_000) {
    await queue.push(Array.from({ length: 2_000 }, () => ({ queue: "bench", payload: PAYLOAD, lane: "one" })));
  }
  await queue.claim(["bench"], { count: 1, bytes: 1 }, LEASE_MS);
  return {
    jobs_per_second: { plain, pipelined, ours, ours_one_lane_each: lanes },
    ratio_push: ratio(ours.push, plain.push),
    ratio_claim_settle: ratio(ours.work, plain.work),
    ratio_push_lanes: ratio(lanes.push, plain.push),
    ratio_claim_settle_lanes: ratio(lanes.work, plain.work),
    ratio_push_to_pipelined: ratio(ours.push, pipelined.push),
    ratio_claim_settle_to_pipelined: ratio(ours.work, pipelined.work),
    claim_one_empty_ms: emptyMs,
    claim_one_behind_100000_ms: await claimMs(queue),
  };
}

async function oneByOne(run: () => Promise<unknown>): Promise<void> {
  for (let index = 0; index < BATCH; index += 1) await run();
}

/** As the replaced service does it, with an in-flight list beside it, so that nothing is lost. */
async function workPlain(client: Redis, inFlight: string): Promise<void> {
  const payload = await client.lmove("plain", inFlight, "RIGHT", "LEFT");
  await client.lrem(inFlight, -1, String(payload));
}

async function pushPipelined(client: Redis): Promise<void> {
  const pipeline = client.pipeline();
  for (let index = 0; index < BATCH; index += 1) pipeline.lpush("plain", PAYLOAD);
  await pipeline.exec();
}

async function workPipelined(client: Redis, inFlight: string): Promise<void> {
  const moves = client.pipeline();
  for (let index = 0; index < BATCH; index += 1) moves.lmove("plain", inFlight, "RIGHT", "LEFT");
  const moved = await moves.exec();
  const settles = client.pipeline();
  for (const [, payload] of moved ?? []) settles.lrem(inFlight, -1, String(payload));
  await settles.exec();
}

async function pushOurs(queue: Queue, serial: number, lanes: boolean): Promise<void> {
  await queue.push(
    Array.from({ length: BATCH }, (_, index) => ({
      queue: "bench",
      payload: PAYLOAD,
      ...(lanes && { lane: `lane-${serial + index}` }),
    })),
  );
}

async function workOurs(queue: Queue): Promise<void> {
  const jobs = await queue.claim(["bench"], { count: BATCH, bytes: 1_000_000 }, LEASE_MS);
  await queue.settle(jobs.map((job) => ({ job, followUps: [] })));
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

/** A job of another lane, with and without a long lane in front of it. */
async function claimMs(queue: Queue): Promise<number> {
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
