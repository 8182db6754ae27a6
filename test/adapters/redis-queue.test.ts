// The queue in Redis keeps the queue's promises, and shows operators what they know to look for.
import { describe } from "bun:test";
import { openRedisQueue } from "../../src/adapters/redis/queue.ts";
import { queueContract } from "../contract/queue.ts";
import { testClock } from "../support/clock.ts";
import { testLog } from "../support/postgres.ts";
import { hasRedis, startRedis } from "../support/redis.ts";

describe.skipIf(!hasRedis)("redis", () => {
  queueContract("Redis", async () => {
    const redis = await startRedis();
    const clock = testClock();
    const openQueue = async () =>
      openRedisQueue({ ingest: await redis.connect(), work: await redis.connect(), clock, log: testLog });
    return { clock, openQueue, close: () => redis[Symbol.asyncDispose]() };
  });
});
