// The queue over two queues: it keeps the queue's promises while both are there, and what was acknowledged when one is not.
import { describe, expect, test } from "bun:test";
import { watchPresence } from "../../src/adapters/failover/presence.ts";
import { openFailoverQueue } from "../../src/adapters/failover/queue.ts";
import { openPostgresQueue } from "../../src/adapters/postgres/queue/queue.ts";
import { openRedisQueue } from "../../src/adapters/redis/queue/queue.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { Failure } from "../../src/errors.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Queryable } from "../../src/ports/database.ts";
import type { Queue } from "../../src/ports/queue.ts";
import { ANY, LEASE_MS, claimOne, payloads, queueContract, settle } from "../contract/queue.ts";
import { testClock } from "../support/clock.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { testLog } from "../support/run.ts";
import { hasRedis, startRedis } from "../support/redis.ts";
import type { TestRedis } from "../support/redis.ts";
import { createSeverableDatabase } from "../support/severable.ts";
import { backendsOf } from "../support/cpu.ts";

async function openBoth(redis: TestRedis, database: Queryable, clock: Clock, options = {}) {
  const [ingest, work] = [await redis.connect(options), await redis.connect(options)];
  const watch = (probe: () => Promise<unknown>) =>
    watchPresence({ probe, clock, log: { ...testLog, warn() {} }, words: { away: "away", back: "back" } });
  const presence = { primary: watch(() => ingest.command("PING")), fallback: watch(() => database.query("select 1")) };
  const primary = openRedisQueue({ ingest, work, clock, log: testLog });
  const fallback = openPostgresQueue({ database, clock });
  return { queue: openFailoverQueue({ primary, fallback, presence, clock }), primary, fallback, presence };
}

describe.skipIf(!hasRedis)("redis", () => {
  queueContract("Redis before PostgreSQL", async () => {
    const redis = await startRedis();
    const { database, [Symbol.asyncDispose]: drop } = await createTestDatabase();
    const clock = testClock();
    return {
      clock,
      workers: async () => [redis.pid(), ...(await backendsOf(database))],
      openQueue: async () => (await openBoth(redis, database, clock)).queue,
      async close() {
        await redis[Symbol.asyncDispose]();
        await drop();
      },
    };
  });

  queueContract("PostgreSQL, for want of Redis", async () => {
    const redis = await startRedis();
    await redis.kill();
    const { database, [Symbol.asyncDispose]: drop } = await createTestDatabase();
    const clock = testClock();
    return {
      clock,
      workers: () => backendsOf(database),
      openQueue: async () => (await openBoth(redis, database, clock)).queue,
      async close() {
        await redis[Symbol.asyncDispose]();
        await drop();
      },
    };
  });

  test("both are worked off, counted, listed, redriven and discarded as one, the older work first", async () => {
    await using redis = await startRedis();
    await using fixture = await createTestDatabase();
    const clock = testClock();
    const { queue, primary, fallback } = await openBoth(redis, fixture.database, clock);
    await fallback.push(["1", "2"].map((payload) => ({ queue: "q", payload, lane: "l" })));
    await primary.push(["3", "4"].map((payload) => ({ queue: "q", payload, lane: "l" })));
    expect((await queue.counts())["q"]).toMatchObject({ pending: 4 });
    expect(await queue.backlog()).toBe(4);
    const listed = await queue.list("q", "pending", 3);
    expect(payloads(listed)).toEqual(["3", "4", "1"]);
    expect(payloads(await queue.list("q", "pending", 3, listed.at(-1)?.id))).toEqual(["2"]);
    for (const expected of ["1", "2", "3", "4"]) {
      const job = await claimOne(queue, "q");
      expect(job.payload).toBe(expected);
      expect(await queue.extend([job], LEASE_MS)).toEqual([job.id]);
      if (expected === "1" || expected === "3") await queue.bury(job, "bad");
      else expect(await settle(queue, job, [{ queue: "next", payload: expected }])).toEqual([job.id]);
    }
    const dead = await queue.list("q", "dead", 10);
    expect(payloads(dead)).toEqual(["3", "1"]);
    expect(await queue.redrive("q", [dead[1]?.id ?? ""])).toBe(1);
    expect((await claimOne(queue, "q")).payload).toBe("1");
    expect(await queue.discard("q")).toBe(1);
    expect(payloads(await queue.claim(["next"], ANY, LEASE_MS))).toEqual(["2"]);
    await clock.advance(1_000);
    expect(payloads(await queue.claim(["next"], ANY, LEASE_MS))).toEqual(["4"]);
    await queue.close();
  }, 240_000);

  test("the outcome of a job whose queue went away is dropped after a while, so that its worker can go on", async () => {
    await using redis = await startRedis();
    await using fixture = await createTestDatabase();
    const clock = testClock();
    const { queue } = await openBoth(redis, fixture.database, clock);
    await queue.push([{ queue: "q", payload: "x" }]);
    const job = await claimOne(queue, "q");
    await redis.kill();
    expect(settle(queue, job)).rejects.toBeInstanceOf(Failure);
    await settle(queue, job).catch(() => {});
    await clock.advance(3_000);
    expect(await settle(queue, job)).toEqual([]);
    expect(await queue.retry(job, "x", 0)).toBe(false);
    expect(await queue.release([job], "x", 0)).toEqual([]);
    expect(await queue.bury(job, "x")).toBe(false);
    await queue.push([{ queue: "q", payload: "meanwhile" }]);
    expect(payloads(await queue.claim(["q"], ANY, LEASE_MS))).toEqual(["meanwhile"]);
    await redis.start();
    const back = async () => (await queue.counts())["q"]?.active === 2;
    while (!(await back())) {
      await clock.advance(100);
      await Bun.sleep(5);
    }
    await clock.advance(LEASE_MS);
    const again: string[] = [];
    for (let turn = 0; turn < 2; turn += 1) again.push(...payloads(await queue.claim(["q"], ANY, LEASE_MS)));
    expect(again.toSorted()).toEqual(["meanwhile", "x"]);
    await queue.close();
  }, 240_000);

  test("without either of them a push is refused as unavailable, and taken again when one is back", async () => {
    await using redis = await startRedis();
    await using store = await createSeverableDatabase();
    const clock = testClock();
    const { queue } = await openBoth(redis, store.database, clock);
    await redis.kill();
    await store.cut();
    const push = () => queue.push([{ queue: "q", payload: "x" }]);
    for (let turn = 0; turn < 2; turn += 1) {
      const failure = await push().catch((error: unknown) => error);
      expect(failure).toMatchObject({ status: 503 });
      expect(await queue.claim(["q"], ANY, LEASE_MS).catch((error: unknown) => error)).toMatchObject({ status: 503 });
    }
    await redis.start();
    while (
      await push().then(
        () => false,
        () => true,
      )
    )
      await Bun.sleep(10);
    expect(await queue.claim(["q"], ANY, LEASE_MS)).toHaveLength(1);
    await store.mend();
    await queue.close();
  }, 240_000);

  test("Redis killed, frozen and started under load: what was acknowledged is stored, and stored once", async () => {
    await using redis = await startRedis();
    await using fixture = await createTestDatabase();
    const { database } = fixture;
    await database.query("create table effects (name text primary key, runs integer not null default 1)");
    const clock = systemClock();
    const { queue } = await openBoth(redis, database, clock, { patience: 1 });
    const acknowledged: string[] = [];
    let isLoading = true;
    let serial = 0;
    const producer = async () => {
      while (isLoading) {
        const names = Array.from({ length: 3 }, () => `${(serial += 1)}`);
        await queue.push(names.map((payload) => ({ queue: "q", payload, lane: `lane ${Number(payload) % 5}` }))).then(
          () => void acknowledged.push(...names),
          () => {},
        );
        await Bun.sleep(2);
      }
    };
    const store = async (from: Queue) => {
      const jobs = await from.claim(["q"], { count: 10, bytes: 10_000 }, 1_000).catch(() => []);
      if (jobs.length === 0) return Bun.sleep(5);
      await database.query(
        "insert into effects as e (name) select unnest($1::text[]) on conflict (name) do update set runs = e.runs + 1",
        [payloads(jobs)],
      );
      await from.settle(jobs.map((job) => ({ job, followUps: [] }))).catch(() => []);
    };
    const worker = async () => {
      while (isLoading) await store(queue);
    };
    const load = [producer(), producer(), worker(), worker()];
    await Bun.sleep(200);
    await redis.kill();
    await Bun.sleep(300);
    await redis.start();
    await Bun.sleep(600);
    redis.freeze();
    // What the freeze held up is acknowledged elsewhere, and so is what comes after it.
    const before = acknowledged.length;
    while (acknowledged.length < before + 100) await Bun.sleep(20);
    redis.thaw();
    await Bun.sleep(500);
    await redis.kill();
    await redis.start();
    await Bun.sleep(300);
    while (acknowledged.length <= 500) await Bun.sleep(20);
    isLoading = false;
    await Promise.all(load);
    const isDone = async () => {
      await store(queue);
      const rows = await database.query<{ name: string }>("select name from effects");
      const stored = new Set(rows.map((row) => row.name));
      const counts = (await queue.counts())["q"];
      return counts === undefined && acknowledged.every((name) => stored.has(name));
    };
    while (!(await isDone()));
    const rows = await database.query<{ runs: number }>("select runs from effects where runs > 1");
    expect(acknowledged.length).toBeGreaterThan(500);
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
    // What was at work when Redis went runs again, as its lease says; nothing else does.
    expect(rows.length).toBeLessThanOrEqual(60);
    await queue.close();
  }, 240_000);
});
