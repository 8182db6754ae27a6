// Muster with Redis, and without it again: the main job, outages of either store, and credentials that change elsewhere.
import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { OWNER } from "../support/actor.ts";
import { openTestApp } from "../support/app.ts";
import type { TestApp, TestSystem } from "../support/app.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { hasRedis, startRedis } from "../support/redis.ts";
import { createSeverableDatabase } from "../support/severable.ts";

const FIXTURES = join(import.meta.dir, "../support/fixtures/inventories");
const document = (name: string) => Bun.file(join(FIXTURES, `${name}.json`)).text();
const WITH_LISTENERS = { LISTEN_ADDRESS: "127.0.0.1:0", HEALTH_LISTEN_ADDRESS: "127.0.0.1:0" };

const beat = (muster: TestApp, { authorization }: TestSystem) =>
  muster.request("POST", "/collect/api/systems/heartbeat", { authorization });
const post = (muster: TestApp, { authorization }: TestSystem, body: string) =>
  muster.request("POST", "/collect/api/systems/inventory", {
    authorization,
    headers: { "content-type": "application/json" },
    body,
  });

interface Readiness {
  message: string;
  data: { checks: Record<string, { status: string; reason?: string }> };
}
async function readiness(muster: TestApp): Promise<Readiness & { status: number }> {
  const response = await muster.app.handleOperations(new Request("http://localhost/ready"));
  return { status: response.status, ...((await response.json()) as Readiness) };
}

const recordCount = async ({ query }: Pick<TestApp["database"], "query">) =>
  (await query<{ count: number }>("select count(*)::int as count from inventory_records"))[0]?.count;

/** So many times the clock moves stay below a minute, for which credentials are trusted though no message comes. */
const PATIENCE = 1_000;

/** For what another process or a socket does; the clock moves along, so that whoever waits for it goes on. */
async function eventually(muster: TestApp, condition: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; !(await condition()); turn += 1) {
    if (turn > PATIENCE) throw new Error("It did not come about.");
    await muster.clock.advance(50);
    await Bun.sleep(10);
  }
}

describe.skipIf(!hasRedis)("with Redis", () => {
  test("an appliance registers, beats and posts; what changed is listed; the queues are where operators look", async () => {
    await using redis = await startRedis();
    await using muster = await openTestApp({ REDIS_URL: redis.url });
    const shell = await redis.connect();
    const system = await muster.addSystem();
    expect((await beat(muster, system)).status).toBe(200);
    expect(await shell.command("LLEN", "collect:heartbeat")).toBe(1);
    expect((await post(muster, system, await document("ns8-inventory"))).status).toBe(200);
    expect(await shell.command("LLEN", "collect:inventory")).toBe(1);
    await muster.app.runner.drain();
    await muster.clock.advance(3_600_000);
    const second = await post(muster, system, await document("ns8-inventory-after-30-steps"));
    expect(second.body.data).toMatchObject({ changes_detected: true });
    await muster.app.runner.drain();
    expect(await shell.command("LLEN", "collect:inventory")).toBe(0);
    const changes = await muster.admin<{ changes: unknown[] }>(
      "GET",
      `/api/admin/systems/${system.system_key}/inventory/changes`,
    );
    expect(changes.body.data.changes.length).toBeGreaterThan(10);
    const shown = await muster.admin("GET", `/api/admin/systems/${system.system_key}`);
    expect(shown.body.data).toMatchObject({ status: "active" });
    expect(await readiness(muster)).toMatchObject({
      status: 200,
      message: "service ready",
      data: { checks: { redis: { status: "ok" } } },
    });
  }, 60_000);

  test("while Redis is away everything is accepted and stored, and /ready says so; it is used again when it is back", async () => {
    await using redis = await startRedis();
    await using muster = await openTestApp({ REDIS_URL: redis.url });
    const system = await muster.addSystem();
    const text = await document("nsec-inventory");
    expect((await post(muster, system, text)).status).toBe(200);
    await redis.kill();
    expect((await beat(muster, system)).status).toBe(200);
    expect((await post(muster, system, text.replace("{", '{"while":"away",'))).status).toBe(200);
    const degraded = await readiness(muster);
    expect(degraded).toMatchObject({
      status: 200,
      message: "service degraded",
      data: { checks: { redis: { status: "degraded" } } },
    });
    expect(degraded.data.checks["redis"]?.reason).toContain("Redis is away: new work waits in PostgreSQL");
    await muster.app.runner.drain();
    expect(await recordCount(muster.database)).toBe(1);
    await redis.start();
    await eventually(muster, async () => (await readiness(muster)).message === "service ready");
    await muster.app.runner.drain();
    expect(await recordCount(muster.database)).toBe(2);
    expect((await beat(muster, system)).status).toBe(200);
    expect(await (await redis.connect()).command("LLEN", "collect:heartbeat")).toBe(1);
    expect(muster.logged.join("")).toContain("Redis is away");
    expect(muster.logged.join("")).toContain("Redis is back");
  }, 60_000);

  test("a frozen Redis delays one request by 1.5 s, the others not at all, and nothing is stored twice", async () => {
    await using redis = await startRedis();
    await using muster = await openTestApp({ REDIS_URL: redis.url }, undefined, 1);
    const system = await muster.addSystem();
    const text = await document("nsec-inventory");
    expect((await beat(muster, system)).status).toBe(200);
    redis.freeze();
    const accepted = async (serial: number) =>
      (await post(muster, system, text.replace("{", `{"serial":${serial},`))).status === 200;
    expect([await accepted(1), await accepted(2)]).toEqual([true, true]);
    await muster.app.runner.drain();
    expect(await recordCount(muster.database)).toBe(2);
    redis.thaw();
    await eventually(muster, async () => (await readiness(muster)).message === "service ready");
    expect(await accepted(3)).toBe(true);
    await muster.app.runner.drain();
    expect(await recordCount(muster.database)).toBe(3);
  }, 60_000);

  test("it starts without Redis, says so, and uses it when it comes", async () => {
    await using redis = await startRedis();
    await redis.kill();
    await using muster = await openTestApp({ REDIS_URL: redis.url });
    const system = await muster.addSystem();
    expect((await beat(muster, system)).status).toBe(200);
    expect((await readiness(muster)).message).toBe("service degraded");
    await redis.start();
    await eventually(muster, async () => (await readiness(muster)).message === "service ready");
    expect((await beat(muster, system)).status).toBe(200);
    expect(await (await redis.connect()).command("LLEN", "collect:heartbeat")).toBe(1);
  }, 60_000);

  test("while PostgreSQL is away, systems that are known are accepted and stored when it is back", async () => {
    await using redis = await startRedis();
    await using store = await createSeverableDatabase();
    await using muster = await openTestApp({ REDIS_URL: redis.url }, store);
    const [known, unknown] = [await muster.addSystem("known"), await muster.addSystem("unknown")];
    const text = await document("ns8-inventory");
    expect((await beat(muster, known)).status).toBe(200);
    await store.cut();
    expect((await beat(muster, known)).status).toBe(200);
    const accepted = await post(muster, known, text);
    expect([accepted.status, accepted.body.data["changes_detected"]]).toEqual([200, true]);
    expect((await beat(muster, unknown)).status).toBe(503);
    const degraded = await readiness(muster);
    expect([degraded.status, degraded.data.checks["database"]?.status]).toEqual([200, "degraded"]);
    await redis.kill();
    expect((await beat(muster, known)).status).toBe(503);
    expect((await post(muster, known, text)).status).toBe(503);
    expect((await readiness(muster)).status).toBe(503);
    await redis.start();
    await store.mend();
    await eventually(muster, async () => (await readiness(muster)).message === "service ready");
    await eventually(muster, async () => (await muster.app.runner.drain(), (await recordCount(store.direct)) === 1));
    const shown = await muster.admin("GET", `/api/admin/systems/${known.system_key}`);
    expect(shown.body.data).toMatchObject({ status: "active" });
  }, 60_000);

  test("a Redis that may lose what it acknowledged is said to be unfit, loudly", async () => {
    await using redis = await startRedis(["maxmemory-policy allkeys-lru"]);
    await using muster = await openTestApp({ REDIS_URL: redis.url });
    const shell = await redis.connect();
    await shell.command("CONFIG", "SET", "appendonly", "no");
    const { message, data } = await readiness(muster);
    expect(message).toBe("service degraded");
    expect(data.checks["redis"]?.reason).toContain("set maxmemory-policy noeviction");
    expect(data.checks["redis"]?.reason).toContain("Set appendonly yes");
    expect(muster.logged.join("")).toContain("REDIS IS NOT SAFE FOR QUEUES");
    await shell.command("CONFIG", "SET", "maxmemory-policy", "noeviction", "appendonly", "yes");
    expect((await readiness(muster)).message).toBe("service ready");
  }, 60_000);
});

describe.skipIf(!hasRedis)("a changed credential", () => {
  test("is known to every process by a message, whichever way it was changed", async () => {
    await using redis = await startRedis();
    await using fixture = await createTestDatabase();
    const env = { REDIS_URL: redis.url, ...WITH_LISTENERS };
    await using here = await openTestApp(env, fixture);
    await using there = await openTestApp(env, fixture);
    await using shellOfAnOperator = await openTestApp({}, fixture); // as the CLI where REDIS_URL is not set
    await Promise.all([here.app.start(), there.app.start()]);
    const system = await here.addSystem();
    for (const changer of [here, there, shellOfAnOperator]) {
      for (const muster of [here, there]) expect((await beat(muster, system)).status).toBe(200);
      await changer.app.api.systems.suspend(OWNER, system.system_key);
      for (const muster of [here, there])
        await eventually(muster, async () => (await beat(muster, system)).status === 401);
      await changer.app.api.systems.resume(OWNER, system.system_key);
    }
  }, 60_000);

  test("is heard from the NethServer backend when its signature is right", async () => {
    await using redis = await startRedis();
    const secret = "0123456789abcdef0123456789abcdef";
    await using muster = await openTestApp({
      REDIS_URL: redis.url,
      APP_ENV: "qa",
      INTERNAL_HMAC_SECRET: secret,
      ...WITH_LISTENERS,
    });
    await muster.app.start();
    const system = await muster.addSystem();
    const backend = await redis.connect();
    expect((await beat(muster, system)).status).toBe(200);
    // As the backend does it: the row first, and nobody else is told.
    await muster.database.query("update systems set suspended_at = now() where system_key = $1", [system.system_key]);
    await backend.command("PUBLISH", "my:auth:invalidate:qa", system.system_key);
    await eventually(muster, async () => muster.logged.join("").includes("not signed"));
    expect((await beat(muster, system)).status).toBe(200);
    const signature = createHmac("sha256", secret).update(system.system_key).digest("hex");
    await backend.command("PUBLISH", "my:auth:invalidate:qa", `${system.system_key}|${signature}`);
    await eventually(muster, async () => (await beat(muster, system)).status === 401);
  }, 60_000);

  test("that was said while Redis was away is looked up again when it is back", async () => {
    await using redis = await startRedis();
    await using muster = await openTestApp({ REDIS_URL: redis.url, ...WITH_LISTENERS });
    await muster.app.start();
    const system = await muster.addSystem();
    expect((await beat(muster, system)).status).toBe(200);
    await redis.kill();
    await muster.database.query("update systems set suspended_at = now() where system_key = $1", [system.system_key]);
    expect((await beat(muster, system)).status).toBe(200);
    await redis.start();
    await eventually(muster, async () => (await beat(muster, system)).status === 401);
  }, 60_000);

  test("is never trusted for longer than the cache's time, though no message comes at all", async () => {
    await using redis = await startRedis();
    await using muster = await openTestApp({ REDIS_URL: redis.url });
    const system = await muster.addSystem();
    expect((await beat(muster, system)).status).toBe(200);
    await muster.database.query("update systems set suspended_at = now() where system_key = $1", [system.system_key]);
    await muster.clock.advance(59_000);
    expect((await beat(muster, system)).status).toBe(200);
    await muster.clock.advance(1_000);
    expect((await beat(muster, system)).status).toBe(401);
  }, 60_000);
});
