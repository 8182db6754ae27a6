// The limiter in Redis keeps the limiter's promises, shares its windows, and has somebody to stand in for it.
import { describe, expect, test } from "bun:test";
import { openFailoverLimiter } from "../../src/adapters/failover/limiter.ts";
import { watchPresence } from "../../src/adapters/failover/presence.ts";
import { openMemoryLimiter } from "../../src/adapters/memory/limiter.ts";
import { openRedisLimiter } from "../../src/adapters/redis/limiter.ts";
import { limiterContract } from "../contract/limiter.ts";
import { testClock } from "../support/clock.ts";
import { testLog } from "../support/run.ts";
import { hasRedis, startRedis } from "../support/redis.ts";

const BUDGET = { limit: 2, windowMs: 60_000 };

describe.skipIf(!hasRedis)("redis", () => {
  limiterContract("Redis", async () => {
    const redis = await startRedis();
    const clock = testClock();
    const limiter = openRedisLimiter({ connection: await redis.connect(), clock });
    return { clock, limiter, close: () => redis[Symbol.asyncDispose]() };
  });

  for (const isAway of [false, true]) {
    limiterContract(isAway ? "memory while Redis is away" : "Redis with memory behind it", async () => {
      const redis = await startRedis();
      const clock = testClock();
      const connection = await redis.connect();
      const presence = watchPresence({
        probe: () => connection.command("PING"),
        clock,
        log: testLog,
        words: { away: "away", back: "back" },
      });
      const primary = openRedisLimiter({ connection, clock });
      const limiter = openFailoverLimiter({
        primary,
        fallback: openMemoryLimiter({ clock, maxKeys: 1_000 }),
        presence,
      });
      if (isAway) await redis.kill();
      return { clock, limiter, close: () => redis[Symbol.asyncDispose]() };
    });
  }

  test("processes share a window, and it leaves Redis when it is over", async () => {
    await using redis = await startRedis();
    const clock = testClock();
    const connection = await redis.connect();
    const [one, other] = [
      openRedisLimiter({ connection, clock }),
      openRedisLimiter({ connection: await redis.connect(), clock }),
    ];
    expect([await one.take("k", BUDGET), await other.take("k", BUDGET), await one.take("k", BUDGET)]).toEqual([
      0, 0, 60,
    ]);
    expect(Number(await connection.command("PTTL", "muster:limit:k"))).toBeGreaterThan(0);
  }, 60_000);

  test("while Redis is away each process counts for itself, and shares again when it is back", async () => {
    await using redis = await startRedis();
    const clock = testClock();
    const connection = await redis.connect();
    const presence = watchPresence({
      probe: () => connection.command("PING"),
      clock,
      log: testLog,
      words: { away: "away", back: "back" },
    });
    const limiter = openFailoverLimiter({
      primary: openRedisLimiter({ connection, clock }),
      fallback: openMemoryLimiter({ clock }),
      presence,
    });
    expect(await limiter.take("k", BUDGET)).toBe(0);
    await redis.kill();
    expect([await limiter.take("k", BUDGET), await limiter.take("k", BUDGET)]).toEqual([0, 0]);
    expect(await limiter.take("k", BUDGET)).toBe(60);
    expect(presence.isAway()).toBe(true);
    await redis.start();
    while (presence.isAway()) {
      await clock.advance(300);
      await Bun.sleep(5);
    }
    expect(await limiter.take("k", BUDGET)).toBe(0);
  }, 60_000);
});
