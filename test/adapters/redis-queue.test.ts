// The queue in Redis keeps the queue's promises, shows operators what they know to look for, and survives Redis itself.
import { describe, expect, test } from "bun:test";
import { openRedisQueue } from "../../src/adapters/redis/queue/queue.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { Failure } from "../../src/errors.ts";
import type { Queue } from "../../src/ports/queue.ts";
import { ANY, LEASE_MS, claimOne, payloads, queueContract, settle } from "../contract/queue.ts";
import { testClock } from "../support/clock.ts";
import { testLog } from "../support/run.ts";
import { hasRedis, startRedis } from "../support/redis.ts";
import type { TestRedis } from "../support/redis.ts";

const openQueue = async (redis: TestRedis, clock = systemClock(), options = {}): Promise<Queue> =>
  openRedisQueue({
    ingest: await redis.connect(options),
    work: await redis.connect(options),
    clock,
    log: testLog,
  });

describe.skipIf(!hasRedis)("redis", () => {
  queueContract("Redis", async () => {
    const redis = await startRedis();
    const clock = testClock();
    const workers = async () => [redis.pid()];
    return { clock, workers, openQueue: () => openQueue(redis, clock), close: () => redis[Symbol.asyncDispose]() };
  });

  describe("what operators look at", () => {
    const NAME = "collect:inventory";

    test("LLEN, ZCARD, LRANGE and ZRANGE tell the truth at each step of a job's life", async () => {
      await using redis = await startRedis();
      const clock = testClock();
      const queue = await openQueue(redis, clock);
      const shell = await redis.connect();
      const look = async () => ({
        pending: await shell.command("LLEN", NAME),
        delayed: await shell.command("ZCARD", `${NAME}:delayed`),
        active: await shell.command("ZCARD", `${NAME}:active`),
        dead: await shell.command("LLEN", `${NAME}:dead`),
      });
      await queue.push(
        ["a", "b", "c", "d"].map((payload, index) => ({
          queue: NAME,
          payload,
          lane: index < 2 ? "system 1" : `s${index}`,
        })),
      );
      expect(await look()).toEqual({ pending: 4, delayed: 0, active: 0, dead: 0 });
      const [first] = (await shell.command("LRANGE", NAME, 0, 0)) as string[];
      expect(JSON.parse(first ?? "")).toMatchObject({
        lane: "system 1",
        bytes: 1,
        pushed_at: "2026-01-01T00:00:00.000Z",
      });

      const [a, c, d] = await queue.claim([NAME], ANY, LEASE_MS);
      if (!a || !c || !d) throw new Error("Expected three jobs.");
      expect(await look()).toEqual({ pending: 1, delayed: 0, active: 3, dead: 0 });
      await queue.retry(a, "the disk is slow", 5_000);
      await queue.bury(c, "bad");
      await settle(queue, d);
      expect(await look()).toEqual({ pending: 1, delayed: 1, active: 0, dead: 1 });
      const [member, due] = ((await shell.command("ZRANGE", `${NAME}:delayed`, 0, 9, "WITHSCORES")) as string[]).flat();
      expect(JSON.parse(member ?? "")).toMatchObject({ id: a.id, lane: "system 1" });
      expect(Number(due)).toBe(Date.parse("2026-01-01T00:00:05Z") / 1_000);
      const [dead] = (await shell.command("LRANGE", `${NAME}:dead`, 0, 9)) as string[];
      expect(JSON.parse(dead ?? "")).toMatchObject({ id: c.id, reason: "bad", attempts: 1 });

      await clock.advance(5_000);
      expect(payloads(await queue.claim([NAME], ANY, LEASE_MS))).toEqual(["a"]);
      expect(await look()).toEqual({ pending: 1, delayed: 0, active: 1, dead: 1 });
      await queue.close();
    }, 240_000);

    test("a queue that was worked off leaves nothing behind in Redis", async () => {
      await using redis = await startRedis();
      const queue = await openQueue(redis, testClock());
      await queue.push(
        Array.from({ length: 50 }, (_, index) => ({
          queue: NAME,
          payload: "x",
          key: `${index}`,
          lane: `${index % 7}`,
        })),
      );
      for (;;) {
        const jobs = await queue.claim([NAME], { count: 9, bytes: 1_000 }, LEASE_MS);
        if (jobs.length === 0) break;
        const [first, ...others] = jobs;
        if (first) await queue.bury(first, "bad");
        for (const job of others) await settle(queue, job);
      }
      await queue.discard(NAME);
      expect(await queue.counts()).toEqual({});
      expect(await (await redis.connect()).command("KEYS", "*")).toEqual([]);
      await queue.close();
    }, 240_000);

    test("a list that somebody deleted or wrote into harms no job", async () => {
      await using redis = await startRedis();
      const queue = await openQueue(redis, testClock());
      const shell = await redis.connect();
      await shell.command("LPUSH", NAME, '{"id":"6d1f-from-the-replaced-service","type":"inventory"}');
      await shell.command("ZADD", `${NAME}:delayed`, 1, "theirs");
      await shell.command("RPUSH", `${NAME}:dead`, "theirs too");
      await queue.push(["a", "b", "c"].map((payload) => ({ queue: NAME, payload })));
      await settle(queue, await claimOne(queue, NAME));
      await shell.command("DEL", NAME);
      await queue.push([{ queue: NAME, payload: "d" }]);
      expect(payloads(await queue.claim([NAME], ANY, LEASE_MS))).toEqual(["b", "c", "d"]);
      expect(await shell.command("LLEN", NAME)).toBe(0);
      expect(await queue.redrive(NAME)).toBe(0);
      expect(await shell.command("LRANGE", `${NAME}:foreign`, 0, -1)).toEqual(["theirs", "theirs too"]);
      await queue.close();
    }, 240_000);
  });

  describe("when Redis fails", () => {
    const push = (queue: Queue, payload: string) => queue.push([{ queue: "q", payload }]);
    const failureOf = async (call: Promise<unknown>) => {
      const error = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(Failure);
      expect(error).toMatchObject({ code: "queue.unavailable", status: 503 });
    };
    const until = async (condition: () => Promise<boolean>) => {
      while (!(await condition().catch(() => false))) await Bun.sleep(10);
    };

    test("a push fails while it is down, and works again after its return", async () => {
      await using redis = await startRedis();
      const queue = await openQueue(redis);
      await push(queue, "before");
      await redis.kill();
      await failureOf(push(queue, "lost"));
      await failureOf(push(queue, "lost"));
      await failureOf(queue.claim(["q"], ANY, LEASE_MS));
      await redis.start();
      await redis.allReady();
      await until(() => push(queue, "after").then(() => true));
      expect(payloads(await queue.claim(["q"], ANY, LEASE_MS))).toEqual(["before", "after"]);
      await queue.close();
    }, 240_000);

    test("a push fails while it is frozen, and is not there afterwards", async () => {
      await using redis = await startRedis();
      const queue = await openQueue(redis, systemClock(), { patience: 1 });
      const other = await openQueue(redis);
      await push(other, "before");
      redis.freeze();
      await Promise.all(["doubtful", "doubtful too"].map((payload) => failureOf(push(queue, payload))));
      redis.thaw();
      await until(() => push(other, "after").then(() => true));
      await until(async () => (await queue.list("q", "pending", 10)).length === 2);
      expect(payloads(await queue.list("q", "pending", 10))).toEqual(["before", "after"]);
      await queue.close();
      await other.close();
    }, 240_000);

    test("a push that arrives after it was withdrawn is not added", async () => {
      await using redis = await startRedis();
      const queue = await openQueue(redis);
      await push(queue, "kept");
      const shell = await redis.connect();
      const [id = ""] = (await queue.list("q", "pending", 1)).map((job) => job.id);
      const late = `${id.slice(0, -1)}z`;
      await shell.command("ZADD", "muster:withdrawn", Date.now(), late);
      const { steps } = await import("../../src/adapters/redis/queue/steps.ts");
      const again = (which: string) => JSON.stringify([[which, "q", false, false, 0, false]]);
      for (const which of [late, id])
        await shell.run(steps.push, [], [Date.now(), new Date().toISOString(), again(which), "x"]);
      expect(payloads(await queue.list("q", "pending", 10))).toEqual(["kept"]);
      await queue.close();
    }, 240_000);

    test("a server without memory refuses a push whole, and nothing else", async () => {
      await using redis = await startRedis();
      const queue = await openQueue(redis);
      const shell = await redis.connect();
      await push(queue, "before");
      await shell.command("CONFIG", "SET", "maxmemory", "1");
      await failureOf(push(queue, "x".repeat(100_000)));
      await shell.command("CONFIG", "SET", "maxmemory", "0");
      expect(payloads(await queue.claim(["q"], ANY, LEASE_MS))).toEqual(["before"]);
      await queue.close();
    }, 240_000);

    test("its forgetting our scripts goes unnoticed", async () => {
      await using redis = await startRedis();
      const queue = await openQueue(redis);
      await push(queue, "a");
      await (await redis.connect()).command("SCRIPT", "FLUSH");
      await push(queue, "b");
      expect(payloads(await queue.claim(["q"], ANY, LEASE_MS))).toEqual(["a", "b"]);
      await queue.close();
    }, 240_000);

    for (const policy of ["everysec", "always"]) {
      test(`killed again and again under load (appendfsync ${policy}), it loses nothing acknowledged and runs nothing twice`, async () => {
        await using redis = await startRedis([`appendfsync ${policy}`]);
        // What was on its way when it was killed is given up when its time is over.
        const queue = await openQueue(redis, systemClock(), { patience: 1 });
        const acknowledged = new Set<string>();
        const refused = new Set<string>();
        const settled = new Map<string, number>();
        let isLoading = true;
        let serial = 0;
        const producer = async () => {
          while (isLoading) {
            const names = Array.from({ length: 5 }, () => `${(serial += 1)}`);
            await queue
              .push(names.map((payload) => ({ queue: "q", payload, lane: `lane ${Number(payload) % 7}` })))
              .then(
                () => names.forEach((name) => acknowledged.add(name)),
                () => names.forEach((name) => refused.add(name)),
              );
            await Bun.sleep(1);
          }
        };
        const consumer = async () => {
          while (isLoading) {
            const jobs = await queue.claim(["q"], { count: 10, bytes: 10_000 }, 400).catch(() => []);
            if (jobs.length === 0) await Bun.sleep(5);
            const ids = await queue
              .settle(jobs.map((job) => ({ job, followUps: [{ queue: "done", payload: job.payload }] })))
              .catch((): string[] => []);
            for (const job of jobs)
              if (ids.includes(job.id)) settled.set(job.payload, (settled.get(job.payload) ?? 0) + 1);
          }
        };
        const load = [producer(), producer(), consumer()];
        for (let round = 0; round < 4; round += 1) {
          const before = acknowledged.size;
          await Bun.sleep(150 + 50 * round);
          await until(async () => acknowledged.size > before + 30);
          await redis.kill();
          await redis.start();
        }
        await until(() => push(queue, "0").then(() => true));
        acknowledged.add("0");
        isLoading = false;
        await Promise.all(load);
        const after = await openQueue(redis);
        await until(async () => {
          for (const job of await after.claim(["q"], ANY, 400))
            await settle(after, job, [{ queue: "done", payload: job.payload }]);
          return (await after.counts())["q"] === undefined;
        });
        const done: string[] = [];
        for (;;) {
          const jobs = await after.claim(["done"], ANY, LEASE_MS);
          if (jobs.length === 0) break;
          done.push(...payloads(jobs));
        }
        expect(acknowledged.size).toBeGreaterThan(4 * 30);
        expect([...acknowledged].filter((name) => !done.includes(name))).toEqual([]);
        expect(done.filter((name, index) => done.indexOf(name) !== index)).toEqual([]);
        expect(Math.max(...settled.values())).toBe(1);
        await queue.close();
        await after.close();
      }, 240_000);
    }
  });
});
