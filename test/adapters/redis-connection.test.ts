// How Redis is reached, and what is said about one that cannot be used.
import { describe, expect, test } from "bun:test";
import { openConnection } from "../../src/adapters/redis/connection.ts";
import type { RedisOptions } from "../../src/adapters/redis/connection.ts";
import { examineRedis } from "../../src/adapters/redis/health.ts";
import { openRedis } from "../../src/adapters/redis/open.ts";
import { openRedisQueue } from "../../src/adapters/redis/queue/queue.ts";
import { parseConfig } from "../../src/app/settings.ts";
import { ConfigError } from "../../src/config/error.ts";
import { testClock } from "../support/clock.ts";
import { PATIENCE, testLog } from "../support/run.ts";
import { hasRedis, startRedis } from "../support/redis.ts";

function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  server.stop(true);
  return server.port;
}

async function clientInfo(options: RedisOptions): Promise<string> {
  const connection = await openConnection({ ...options, patience: PATIENCE }, { name: "test", log: testLog });
  try {
    return String(await connection.command("CLIENT", "INFO"));
  } finally {
    await connection.close();
  }
}

describe.skipIf(!hasRedis)("redis", () => {
  test("is reached by socket or by port, with the database and password of the URL or of their own settings", async () => {
    const port = freePort();
    await using redis = await startRedis(["bind 127.0.0.1", `port ${port}`]);
    const shell = await redis.connect();
    expect(await clientInfo({ url: redis.url, db: 4 })).toContain(" db=4 ");
    expect(await clientInfo({ url: `redis://127.0.0.1:${port}`, db: 1 })).toContain(" db=1 ");
    expect(await clientInfo({ url: `redis://127.0.0.1:${port}/3`, db: 1 })).toContain(" db=3 ");
    await shell.command("CONFIG", "SET", "requirepass", "p@ss");
    expect(await clientInfo({ url: `redis://:p%40ss@127.0.0.1:${port}`, db: 1 })).toContain(" db=1 ");
    expect(await clientInfo({ url: `redis://default@127.0.0.1:${port}`, db: 1, password: "p@ss" })).toContain(
      "user=default",
    );
    expect(clientInfo({ url: redis.url, db: 1, password: "wrong" })).rejects.toMatchObject({
      code: "queue.unavailable",
    });
    await clientInfo({ url: redis.url, db: 1, password: "wrong" }).catch(() => {});
  }, 60_000);

  test("is described without its secrets", async () => {
    const redis = await openRedis({
      url: "redis://user:secret@127.0.0.1:1",
      db: 1,
      password: undefined,
      clock: testClock(),
      log: testLog,
    });
    expect(redis.describe).toBe("Redis at 127.0.0.1:1, database 1");
    await redis.close();
  }, 60_000);

  test("that is a cluster is said to be of no use, and refuses as if it were away", async () => {
    await using redis = await startRedis(["cluster-enabled yes"]);
    const connection = await openConnection(
      { url: redis.url, db: 0, patience: PATIENCE },
      { name: "test", log: testLog },
    );
    expect((await examineRedis(connection)).dangers).toEqual([expect.stringContaining("name a single server")]);
    const queue = openRedisQueue({ ingest: connection, work: connection, clock: testClock(), log: testLog });
    const push = queue.push([{ queue: "q", payload: "x" }]);
    expect(push).rejects.toMatchObject({ code: "queue.unavailable", status: 503 });
    await push.catch(() => {});
    await queue.close();
    await connection.close();
  }, 60_000);

  test("leaves no timer behind when it is closed", async () => {
    await using server = await startRedis();
    const clock = testClock();
    const redis = await openRedis({ url: server.url, db: 1, password: undefined, clock, log: testLog });
    expect(clock.pending()).toBe(1);
    await redis.close();
    expect(clock.pending()).toBe(0);
  }, 60_000);
});

describe("its settings", () => {
  const faults = (env: Record<string, string>) => {
    try {
      parseConfig(env);
      return [];
    } catch (error) {
      return error instanceof ConfigError ? error.problems : [String(error)];
    }
  };

  test("may be left out", () => {
    const { url, db, password, environment, hmacSecret } = parseConfig({}).redis;
    expect([url, db, password, environment, hmacSecret]).toEqual([undefined, 1, undefined, "dev", undefined]);
  });

  test.each([
    ["REDIS_URL", "http://127.0.0.1", "must be a URL that starts with redis:// or rediss:// or unix://"],
    ["REDIS_DB", "-1", "must be a whole number from 0 to 1000"],
    ["APP_ENV", "two words", "must be 1 to 64 letters"],
    ["INTERNAL_HMAC_SECRET", "too short", "must have at least 32 characters, got a value that is hidden"],
  ])("are refused by name: %s=%s", (name, value, sentence) => {
    expect(faults({ [name]: value })).toEqual([expect.stringContaining(`${name} ${sentence}`)]);
  });
});
