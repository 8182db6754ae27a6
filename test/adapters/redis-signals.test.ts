// Signals on Redis keep the port's promises; what a NethServer backend says about credentials is heard, forgeries are not.
import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { joinSignals } from "../../src/adapters/failover/signals.ts";
import { openSignals } from "../../src/adapters/postgres/signals.ts";
import { bridgeInvalidations } from "../../src/adapters/redis/invalidations.ts";
import { openRedisSignals } from "../../src/adapters/redis/signals.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { Failure } from "../../src/errors.ts";
import type { Log } from "../../src/log.ts";
import { nextMessage, signalsContract } from "../contract/signals.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { testLog } from "../support/run.ts";
import { hasRedis, startRedis } from "../support/redis.ts";
import type { TestRedis } from "../support/redis.ts";

const clock = systemClock();
const open = async (redis: TestRedis, log: Log = testLog) =>
  openRedisSignals({ subscriber: await redis.connect(), publisher: await redis.connect(), clock, log });

describe.skipIf(!hasRedis)("redis", () => {
  signalsContract("Redis", async () => {
    const redis = await startRedis();
    return {
      open: (log) => open(redis, log),
      async cut() {
        await redis.kill();
        await redis.start();
        await redis.allReady();
      },
      close: () => redis[Symbol.asyncDispose](),
    };
  });

  test("listens again when Redis is back, also to what was subscribed meanwhile", async () => {
    await using redis = await startRedis();
    const signals = await open(redis);
    await redis.kill();
    const next = await nextMessage(signals, "meanwhile");
    const back = new Promise<void>((resolve) => signals.onGap(resolve));
    await redis.start();
    await back;
    await redis.allReady();
    await signals.publish("meanwhile", "heard");
    expect(await next.message).toBe("heard");
    await signals.close();
  }, 60_000);

  test("with two carriers a message arrives while either of them works", async () => {
    await using redis = await startRedis();
    await using db = await createTestDatabase();
    const joined = joinSignals(
      await openSignals({ connection: db.connection, database: db.database, clock, log: testLog }),
      await open(redis),
    );
    const both = await nextMessage(joined, "c");
    await joined.publish("c", "one");
    expect(await both.message).toBe("one");
    await redis.kill();
    const postgresOnly = await nextMessage(joined, "d");
    await joined.publish("d", "two");
    expect(await postgresOnly.message).toBe("two");
    await joined.close();
    const lonely = await open(redis);
    const failure = await lonely.publish("c", "x").catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Failure);
    await lonely.close();
  }, 60_000);
});

const KEY = "NETH-0123-4567-89AB-CDEF-0123-4567-89AB-CDEF";
const SECRET = "0123456789abcdef0123456789abcdef";
const signed = (key: string, secret = SECRET) => `${key}|${createHmac("sha256", secret).update(key).digest("hex")}`;

describe("a message of the NethServer backend", () => {
  const lines: string[] = [];
  const log = { ...testLog, warn: (message: string) => void lines.push(message) };
  const read = (message: string, secret: string | undefined) =>
    bridgeInvalidations("credentials", { environment: "qa", secret, log }).read(message);

  test("comes by the channel of its environment", () => {
    const bridge = bridgeInvalidations("credentials", { environment: "qa", secret: undefined, log });
    expect(bridge).toMatchObject({ channel: "my:auth:invalidate:qa", to: "credentials" });
  });

  test.each([
    ["a bare key", KEY, undefined],
    ["a key with another prefix", KEY.replace("NETH", "NOC"), undefined],
    ["a signature that nobody here can check", `${KEY}|00`, undefined],
    ["a true signature", signed(KEY), SECRET],
    ["a true signature in capitals", `${KEY}|${signed(KEY).split("|")[1]?.toUpperCase()}`, SECRET],
  ])("is believed: %s", (_, message, secret) => {
    expect(read(message, secret)).toBe(message.split("|")[0]);
  });

  test.each([
    ["nothing", "", undefined],
    ["no key", "hello", undefined],
    ["a key in small letters", KEY.toLowerCase(), undefined],
    ["a key with a line break", `${KEY}\n`, undefined],
    ["a very long message", `${KEY}|${"0".repeat(1_000)}`, undefined],
    ["no signature", KEY, SECRET],
    ["an empty signature", `${KEY}|`, SECRET],
    ["another secret's signature", signed(KEY, SECRET.replace("0", "1")), SECRET],
    ["another key's signature", `${KEY}|${signed(KEY.replace("0", "1")).split("|")[1]}`, SECRET],
    ["a signature with something behind it", `${signed(KEY)}00`, SECRET],
  ])("is dropped with a warning that does not quote it: %s", (_, message, secret) => {
    lines.length = 0;
    expect(read(message, secret)).toBeUndefined();
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain("0123");
  });
});
