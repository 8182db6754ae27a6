// Counts a million keys in memory that is bounded.
import { expect, test } from "bun:test";
import { openMemoryLimiter } from "../../src/adapters/memory/limiter.ts";
import { inventKeys } from "../support/attacks/invented-keys.ts";
import { testClock } from "../support/clock.ts";

test("a million made-up keys cost bounded memory, and none of it once their windows are over", async () => {
  const clock = testClock();
  const limiter = openMemoryLimiter({ clock });
  const budget = { limit: 10, windowMs: 60_000 };
  const usedBytes = () => (Bun.gc(true), process.memoryUsage().heapUsed);
  const emptyBytes = usedBytes();
  await inventKeys(limiter, { kind: "auth", count: 200_000, budget });
  const fullBytes = usedBytes() - emptyBytes;
  await inventKeys(limiter, { kind: "auth", count: 800_000, budget });
  expect(usedBytes() - emptyBytes).toBeLessThan(fullBytes + 8 * 1024 ** 2);
  await clock.advance(120_000);
  await limiter.take("auth:late", budget);
  expect(usedBytes() - emptyBytes).toBeLessThan(fullBytes / 4);
  await limiter.close();
}, 240_000);
