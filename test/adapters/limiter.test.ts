// The limiter in memory keeps the limiter's promises, in bounded memory.
import { expect, test } from "bun:test";
import { openMemoryLimiter } from "../../src/adapters/memory/limiter.ts";
import { limiterContract } from "../contract/limiter.ts";
import { testClock } from "../support/clock.ts";

limiterContract("memory", async () => {
  const clock = testClock();
  const limiter = openMemoryLimiter({ clock });
  return { clock, limiter, close: () => limiter.close() };
});

test("forgets the key used least recently when there are too many", async () => {
  const limiter = openMemoryLimiter({ clock: testClock(), maxKeys: 2 });
  const once = { limit: 1, windowMs: 60_000 };
  const twice = { limit: 2, windowMs: 60_000 };
  await limiter.take("a", twice);
  await limiter.take("b", once);
  await limiter.take("a", twice);
  await limiter.take("c", once);
  expect(await limiter.peek("b", once)).toBe(0);
  expect(await limiter.peek("a", twice)).toBe(60);
  expect(await limiter.peek("c", once)).toBe(60);
});
