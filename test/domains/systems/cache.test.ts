// Verified credentials are remembered; what changes is forgotten at once here and within a second elsewhere.
import { expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { openMemoryLimiter } from "../../../src/adapters/memory/limiter.ts";
import { openAuthenticator } from "../../../src/domains/systems/credentials/authenticate.ts";
import type { Queryable } from "../../../src/ports/database.ts";
import { basic, openTestApp } from "../../support/app.ts";
import type { TestApp, TestSystem } from "../../support/app.ts";
import { testClock } from "../../support/clock.ts";
import { openListeningApp } from "../../support/listening.ts";
import { createTestDatabase } from "../../support/postgres.ts";

const beat = async (app: TestApp, system: Pick<TestSystem, "authorization">) =>
  (await app.request("POST", "/api/systems/heartbeat", { authorization: system.authorization })).status;

/** An authenticator of its own on the app's tables, that counts what it asks of them. */
function countingAuthenticator(app: TestApp, options: { maxCached?: number; cacheTtlMs?: number } = {}) {
  const asked = { count: 0, before: async () => {} };
  const database: Queryable = {
    async query(...args) {
      asked.count += 1;
      const rows = await app.database.query<never>(...args);
      await asked.before();
      return rows;
    },
  };
  const clock = testClock();
  const authenticator = openAuthenticator({
    database,
    clock,
    limiter: openMemoryLimiter({ clock }),
    cacheTtlMs: 60_000,
    failuresPerMinute: 10,
    throttled() {},
    ...options,
  });
  const login = async ({ authorization }: Pick<TestSystem, "authorization">) =>
    authenticator.authenticate(new Request("http://localhost/", { headers: { authorization } }), null);
  return { authenticator, clock, asked, login };
}

test("a credential is looked up once, and again when its time is over", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  const { asked, clock, login } = countingAuthenticator(app);
  for (let count = 0; count < 5; count += 1) await login(system);
  expect(asked.count).toBe(1);
  await clock.advance(60_001);
  expect(await login(system)).toEqual({ id: system.system_id, key: system.system_key, organizationId: "default" });
  expect(asked.count).toBe(2);
}, 60_000);

test("a credential is not trusted for longer because the clock was set back", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  const { asked, clock, login } = countingAuthenticator(app);
  await login(system);
  await clock.advance(-3_600_000);
  await login(system);
  expect(asked.count).toBe(2);
}, 60_000);

test("a refusal is looked up every time, so that it ends as soon as its reason does", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem("Branch", { registered: false });
  const { asked, login } = countingAuthenticator(app);
  for (let count = 1; count <= 3; count += 1) {
    await expect(login(system)).rejects.toThrow("invalid system credentials");
    expect(asked.count).toBe(count);
  }
}, 60_000);

test("remembers so many and no more, and forgets the one that was not seen for longest", async () => {
  await using app = await openTestApp();
  const [a, b, c] = [await app.addSystem("A"), await app.addSystem("B"), await app.addSystem("C")];
  const { asked, login } = countingAuthenticator(app, { maxCached: 2 });
  await login(a);
  await login(b);
  await login(a); // b is now the one unseen for longest
  await login(c);
  expect(asked.count).toBe(3);
  await login(a);
  await login(c);
  expect(asked.count).toBe(3);
  await login(b);
  expect(asked.count).toBe(4);
}, 60_000);

test("a lookup that began before a change is used for its own request, and not remembered", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  const { asked, authenticator, login } = countingAuthenticator(app);
  asked.before = async () => authenticator.forget(system.system_key);
  await login(system);
  asked.before = async () => {};
  await app.app.api.systems.suspend(OWNER, system.system_key);
  await expect(login(system)).rejects.toThrow("invalid system credentials");
}, 60_000);

test("forgetting one system leaves the others remembered", async () => {
  await using app = await openTestApp();
  const [a, b] = [await app.addSystem("A"), await app.addSystem("B")];
  const { asked, authenticator, login } = countingAuthenticator(app);
  await login(a);
  await login(b);
  authenticator.forget(a.system_key);
  await login(b);
  expect(asked.count).toBe(2);
  await login(a);
  expect(asked.count).toBe(3);
  authenticator.forgetAll();
  await login(b);
  expect(asked.count).toBe(4);
}, 60_000);

const CHANGES: [string, (app: TestApp, key: string) => Promise<unknown>][] = [
  ["suspending", (app, key) => app.app.api.systems.suspend(OWNER, key)],
  ["rotating without overlap", (app, key) => app.app.api.systems.rotate(OWNER, key, 0)],
  ["erasing", (app, key) => app.app.api.systems.erase(OWNER, key)],
];

test.each(CHANGES)(
  "%s takes effect at once here, and by a signal in another process",
  async (_, change) => {
    await using shared = await createTestDatabase();
    await using here = await openListeningApp({}, shared);
    await using there = await openListeningApp({}, shared);
    const system = await here.addSystem();
    expect([await beat(here, system), await beat(there, system)]).toEqual([200, 200]);
    await change(here, system.system_key);
    expect(await beat(here, system)).toBe(401);
    // Its clock stands still, so that what it remembers never runs out: only the signal makes it forget.
    while ((await beat(there, system)) === 200) await Bun.sleep(5);
    expect(await beat(there, system)).toBe(401);
  },
  60_000,
);

test("after signals may have been missed, nothing is trusted any more", async () => {
  await using shared = await createTestDatabase();
  await using here = await openTestApp({}, shared);
  await using there = await openListeningApp({}, shared);
  const system = await here.addSystem();
  expect(await beat(there, system)).toBe(200);
  // As if the change had been made while the other process was not listening.
  await shared.database.query("update systems set suspended_at = now() where system_key = $1", [system.system_key]);
  expect(await beat(there, system)).toBe(200);
  await shared.database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and query like 'listen%'`,
  );
  for (let turn = 0; (await beat(there, system)) === 200 && turn < 1_000; turn += 1) await there.clock.advance(50);
  expect(await beat(there, system)).toBe(401);
}, 60_000);

test("the same secret works again after resuming", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  await app.app.api.systems.suspend(OWNER, system.system_key);
  expect(await beat(app, system)).toBe(401);
  await app.app.api.systems.resume(OWNER, system.system_key);
  expect(await beat(app, system)).toBe(200);
}, 60_000);

test("a remembered old secret stops opening at the instant its overlap ends", async () => {
  await using app = await openTestApp({ SYSTEM_AUTH_CACHE_TTL: "10m" });
  const system = await app.addSystem();
  const { system_secret } = await app.app.api.systems.rotate(OWNER, system.system_key, 30);
  const renewed = { authorization: basic(system.system_key, system_secret) };
  expect([await beat(app, system), await beat(app, renewed)]).toEqual([200, 200]);
  await app.clock.advance(29_999);
  expect(await beat(app, system)).toBe(200);
  await app.clock.advance(1);
  expect(await beat(app, system)).toBe(401);
  expect(await beat(app, renewed)).toBe(200);
}, 60_000);
