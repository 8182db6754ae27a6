// The limiter in memory keeps the limiter's promises, in bounded memory.
import { describe, expect, test } from "bun:test";
import { openMemoryLimiter } from "../../src/adapters/memory/limiter.ts";
import { limiterContract } from "../contract/limiter.ts";
import { inventKeys } from "../support/attacks/invented-keys.ts";
import { testClock } from "../support/clock.ts";

limiterContract("memory", async () => {
  const clock = testClock();
  const limiter = openMemoryLimiter({ clock, maxKeys: 1_000 });
  return { clock, limiter, close: () => limiter.close() };
});

describe("when there are more keys than it remembers one by one", () => {
  const once = { limit: 1, windowMs: 60_000 };
  const twice = { limit: 2, windowMs: 60_000 };

  test("it forgets none, and counts the newcomers together", async () => {
    const limiter = openMemoryLimiter({ clock: testClock(), maxKeys: 2, sharedWindows: 1 });
    await limiter.take("auth:a", twice);
    await limiter.take("auth:b", once);
    await limiter.take("auth:a", twice);
    expect(await limiter.take("auth:c", once)).toBe(0);
    expect(await limiter.take("auth:d", once)).toBe(60);
    for (const key of ["auth:a", "auth:b", "auth:c"]) expect(await limiter.peek(key, once)).toBe(60);
  });

  test("a newcomer keeps what it took when there is room again", async () => {
    const clock = testClock();
    const limiter = openMemoryLimiter({ clock, maxKeys: 1 });
    await limiter.take("auth:a", once);
    await clock.advance(30_000);
    await limiter.take("auth:b", once);
    await clock.advance(30_000);
    expect(await limiter.take("auth:a", once)).toBe(0);
    expect(await limiter.take("auth:b", once)).toBe(30);
    await clock.advance(30_000);
    expect(await limiter.take("auth:b", once)).toBe(0);
  });

  test("keys of one kind take no room from another kind's", async () => {
    const limiter = openMemoryLimiter({ clock: testClock(), maxKeys: 1_000, sharedWindows: 1 });
    await inventKeys(limiter, { kind: "auth", count: 2_000, budget: once });
    expect(await limiter.take("auth:new", once)).toBe(60);
    expect(await limiter.take("inventory:new", once)).toBe(0);
    expect(await limiter.take("inventory:other", once)).toBe(0);
  });
});

test("a take costs as little among 100,000 keys that take again and again", async () => {
  const clock = testClock();
  const limiter = openMemoryLimiter({ clock });
  const cpuSpent = async (keys: number) => {
    const before = process.cpuUsage();
    for (let taken = 0; taken < 100_000; taken += 1)
      await limiter.take(`of ${keys}:${taken % keys}`, { limit: 1_000_000, windowMs: 60_000 });
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
  await cpuSpent(10);
  const fewMs = await cpuSpent(100);
  await cpuSpent(100_000);
  expect(await cpuSpent(100_000)).toBeLessThan(10 * fewMs + 200);
}, 240_000);
