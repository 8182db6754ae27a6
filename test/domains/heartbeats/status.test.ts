// Tests that each status change has its exact time, and that no system is inactive for a silence that no gateway could hear.
import { expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp, TestSystem } from "../../support/app.ts";
import { createTestDatabase } from "../../support/postgres.ts";
import { createSeverableDatabase } from "../../support/severable.ts";
import { upsertBeats } from "../../../src/domains/heartbeats/store.ts";
import { openWatchedApp } from "./watched.ts";

const MINUTE_MS = 60_000;

const beat = async (app: TestApp, { authorization }: TestSystem) => {
  const { status } = await app.request("POST", "/api/systems/heartbeat", { authorization });
  await app.app.runner.drain();
  return status;
};

const statusOf = async (app: TestApp, { system_id }: TestSystem) =>
  (await app.app.api.systems.show(OWNER, system_id)).status;

/** `["active 00:00:00.000", …]` in the order they were recorded. */
async function flips(app: TestApp, { system_id }: TestSystem): Promise<string[]> {
  const rows = await app.database.query<{ status: string; changed_at: Date }>(
    "select status, changed_at from system_status_changes where system_id = $1 order by id",
    [system_id],
  );
  return rows.map(({ status, changed_at }) => `${status} ${changed_at.toISOString().slice(11, 23)}`);
}

test("a new system is unknown until its first beat, and active from then on", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  expect(await statusOf(app, system)).toBe("unknown");
  await app.clock.advance(1_234);
  await beat(app, system);
  await app.clock.advance(5_000);
  await beat(app, system);
  expect(await statusOf(app, system)).toBe("active");
  expect(await flips(app, system)).toEqual(["active 00:00:01.234"]);
}, 60_000);

test("falls inactive exactly a timeout after its last beat, and comes back with the beat itself", async () => {
  await using app = await openWatchedApp();
  const system = await app.addSystem();
  await app.watch(11 * MINUTE_MS);
  await beat(app, system); // 00:11:00
  await app.watch(7_500);
  await beat(app, system); // 00:11:07.500
  await app.watch(10 * MINUTE_MS - 1);
  await app.judge();
  expect(await statusOf(app, system)).toBe("active");
  await app.watch(MINUTE_MS);
  await app.judge();
  expect(await statusOf(app, system)).toBe("inactive");
  await app.watch(3_456);
  await beat(app, system); // 00:22:10.955
  expect(await statusOf(app, system)).toBe("active");
  expect(await flips(app, system)).toEqual(["active 00:11:00.000", "inactive 00:21:07.500", "active 00:22:10.955"]);
}, 60_000);

test("judging again, or in two processes at once, records a flip once", async () => {
  await using shared = await createTestDatabase();
  await using one = await openWatchedApp({}, shared);
  await using two = await openWatchedApp({}, shared);
  const system = await one.addSystem();
  await beat(one, system);
  await Promise.all([one.watch(12 * MINUTE_MS), two.watch(12 * MINUTE_MS)]);
  await Promise.all([one.judge(), two.judge()]);
  await one.judge();
  expect(await flips(one, system)).toEqual(["active 00:00:00.000", "inactive 00:10:00.000"]);
}, 60_000);

test("the timeout is the one that is set", async () => {
  await using app = await openWatchedApp({ HEARTBEAT_TIMEOUT_MINUTES: "3" });
  const system = await app.addSystem();
  await beat(app, system);
  await app.watch(2 * MINUTE_MS + 59_000);
  await app.judge();
  expect(await statusOf(app, system)).toBe("active");
  await app.watch(10_000);
  await app.judge();
  expect(await flips(app, system)).toEqual(["active 00:00:00.000", "inactive 00:03:00.000"]);
}, 60_000);

test("after a start nobody is inactive before a full timeout has been watched", async () => {
  await using shared = await createTestDatabase();
  let system: TestSystem;
  {
    await using before = await openWatchedApp({}, shared);
    system = await before.addSystem();
    await beat(before, system);
  }
  await using app = await openWatchedApp({}, shared, 60 * MINUTE_MS); // an hour later
  await app.judge();
  await app.watch(9 * MINUTE_MS);
  await app.judge();
  expect(await statusOf(app, system)).toBe("active");
  await app.watch(MINUTE_MS + 5_000);
  await app.judge();
  expect(await flips(app, system)).toEqual(["active 00:00:00.000", "inactive 00:10:00.000"]);
}, 60_000);

test("a gateway that was killed and came back at once begins its watch anew", async () => {
  await using shared = await createTestDatabase();
  await using killed = await openWatchedApp({}, shared);
  const system = await killed.addSystem();
  await beat(killed, system);
  await killed.watch(9 * MINUTE_MS + 59_000);
  // It is gone without a word: its last sign of life is a second old.
  await using app = await openWatchedApp({}, shared, 10 * MINUTE_MS);
  await app.watch(MINUTE_MS);
  await app.judge();
  expect(await statusOf(app, system)).toBe("active");
}, 60_000);

test("a second gateway vouches for what it heard while the first one restarted", async () => {
  await using shared = await createTestDatabase();
  await using steady = await openWatchedApp({}, shared);
  const system = await steady.addSystem();
  await beat(steady, system);
  await steady.watch(9 * MINUTE_MS);
  await using fresh = await openWatchedApp({}, shared, 9 * MINUTE_MS);
  await Promise.all([steady.watch(2 * MINUTE_MS), fresh.watch(2 * MINUTE_MS)]);
  await fresh.judge();
  expect(await flips(fresh, system)).toEqual(["active 00:00:00.000", "inactive 00:10:00.000"]);
}, 60_000);

test("a gateway that takes over from one that leaves goes on with its watch", async () => {
  await using shared = await createTestDatabase();
  const leaving = await openWatchedApp({}, shared);
  const system = await leaving.addSystem();
  await beat(leaving, system);
  await leaving.watch(9 * MINUTE_MS);
  await using fresh = await openWatchedApp({}, shared, 9 * MINUTE_MS);
  // For a moment both listen.
  await Promise.all([leaving.watch(4_000), fresh.watch(4_000)]);
  await Promise.all([leaving.watch(4_000), fresh.watch(4_000)]);
  await leaving[Symbol.asyncDispose]();
  await fresh.watch(2 * MINUTE_MS);
  await fresh.judge();
  expect(await flips(fresh, system)).toEqual(["active 00:00:00.000", "inactive 00:10:00.000"]);
}, 60_000);

test("a worker that hears nobody itself judges by those who listen, and marks nobody while none does", async () => {
  await using shared = await createTestDatabase();
  const front = await openWatchedApp({ ROLES: "http" }, shared);
  await using back = await openWatchedApp({ ROLES: "worker,scheduler" }, shared);
  const [silent, unheard] = [await front.addSystem("Silent"), await front.addSystem("Unheard")];
  await beat(front, silent);
  await front.watch(5 * MINUTE_MS);
  await back.watch(5 * MINUTE_MS);
  await beat(front, unheard); // 00:05
  await front.watch(6 * MINUTE_MS);
  await back.watch(6 * MINUTE_MS);
  await back.judge();
  expect([await statusOf(back, silent), await statusOf(back, unheard)]).toEqual(["inactive", "active"]);
  await front[Symbol.asyncDispose]();
  await back.watch(20 * MINUTE_MS);
  await back.judge();
  expect(await statusOf(back, unheard)).toBe("active");
}, 60_000);

test("after a clock that jumped, as after a sleep of the machine, the watch begins anew", async () => {
  await using app = await openWatchedApp();
  const system = await app.addSystem();
  await app.watch(11 * MINUTE_MS);
  await beat(app, system); // 00:11
  await app.jump(30 * MINUTE_MS);
  await app.judge(); // before the watch has had a chance to notice
  expect(await statusOf(app, system)).toBe("active");
  await app.watch(9 * MINUTE_MS);
  await app.judge();
  expect(await statusOf(app, system)).toBe("active");
  await app.watch(2 * MINUTE_MS);
  await app.judge();
  expect(await flips(app, system)).toEqual(["active 00:11:00.000", "inactive 00:21:00.000"]);
}, 60_000);

test("after the database was away the watch begins anew", async () => {
  await using way = await createSeverableDatabase();
  await using app = await openWatchedApp({}, { url: way.url, database: way.direct });
  const system = await app.addSystem();
  await app.watch(5 * MINUTE_MS);
  await beat(app, system); // 00:05
  await app.watch(5 * MINUTE_MS);
  await way.cut();
  await app.watch(6_000);
  await way.mend();
  await app.watch(9 * MINUTE_MS);
  await app.judge();
  expect(await statusOf(app, system)).toBe("active");
  await app.watch(2 * MINUTE_MS);
  await app.judge();
  expect(await flips(app, system)).toEqual(["active 00:05:00.000", "inactive 00:15:00.000"]);
}, 60_000);

test("while beats wait in the queue, the silence since then is not judged", async () => {
  await using app = await openWatchedApp();
  const [waiting, silent] = [await app.addSystem("Waiting"), await app.addSystem("Silent")];
  await beat(app, waiting);
  await beat(app, silent);
  await app.watch(9 * MINUTE_MS);
  await app.request("POST", "/api/systems/heartbeat", { authorization: waiting.authorization });
  const held = await app.app.queue.claim(["collect:heartbeat"], { count: 1, bytes: 1 }, 3_600_000);
  await app.watch(6 * MINUTE_MS);
  await app.judge();
  expect([await statusOf(app, waiting), await statusOf(app, silent)]).toEqual(["active", "active"]);
  await app.app.queue.release(held, "let go", 0);
  await app.judge();
  expect([await statusOf(app, waiting), await statusOf(app, silent)]).toEqual(["active", "inactive"]);
}, 60_000);

test("a job with beats that is being tried again counts as waiting too", async () => {
  await using app = await openWatchedApp();
  const system = await app.addSystem();
  await beat(app, system);
  await app.watch(9 * MINUTE_MS);
  await app.request("POST", "/api/systems/heartbeat", { authorization: system.authorization });
  const [job] = await app.app.queue.claim(["collect:heartbeat"], { count: 1, bytes: 1 }, 1_000);
  if (!job) throw new Error("no job");
  await app.app.queue.retry(job, "tried in vain", 3_600_000);
  await app.watch(6 * MINUTE_MS);
  await app.judge();
  expect(await statusOf(app, system)).toBe("active");
}, 60_000);

test("suspended, unregistered and erased systems are left alone", async () => {
  await using app = await openWatchedApp();
  const suspended = await app.addSystem("Suspended");
  const unregistered = await app.addSystem("Unregistered");
  const erased = await app.addSystem("Erased");
  for (const system of [suspended, unregistered, erased]) await beat(app, system);
  await app.app.api.systems.suspend(OWNER, suspended.system_key);
  await app.request("POST", "/api/systems/unregister", { authorization: unregistered.authorization });
  await app.app.api.systems.erase(OWNER, erased.system_key);
  await app.watch(30 * MINUTE_MS);
  await app.judge();
  expect([await statusOf(app, suspended), await statusOf(app, unregistered)]).toEqual(["active", "unknown"]);
  expect(await flips(app, suspended)).toEqual(["active 00:00:00.000"]);
  expect(await flips(app, erased)).toEqual([]);
}, 60_000);

test("a system resumed after its last beat was stored is active again without another", async () => {
  await using app = await openWatchedApp();
  const system = await app.addSystem();
  await app.request("POST", "/api/systems/heartbeat", { authorization: system.authorization });
  await app.app.api.systems.suspend(OWNER, system.system_key);
  await app.app.runner.drain();
  expect(await statusOf(app, system)).toBe("unknown");
  await app.app.api.systems.resume(OWNER, system.system_key);
  await app.judge();
  expect(await flips(app, system)).toEqual(["active 00:00:00.000"]);
}, 60_000);

test("beats that were on their way for longer than the timeout do not wake an inactive system", async () => {
  await using app = await openWatchedApp();
  const system = await app.addSystem();
  await beat(app, system);
  await app.watch(12 * MINUTE_MS);
  await app.judge();
  expect(await statusOf(app, system)).toBe("inactive");
  const atMs = app.clock.now().getTime();
  await app.watch(30 * MINUTE_MS);
  await app.app.queue.push([{ queue: "collect:heartbeat", payload: JSON.stringify([[system.system_id, atMs]]) }]);
  await app.app.runner.drain();
  expect(await statusOf(app, system)).toBe("inactive");
  expect((await app.app.api.systems.show(OWNER, system.system_id)).last_heartbeat as unknown).toEqual(new Date(atMs));
}, 60_000);

test("heartbeats that a crash stored without the status make a system active when their jobs come again, together or each alone", async () => {
  await using app = await openTestApp();
  const [together, alone, heard] = [await app.addSystem("A"), await app.addSystem("B"), await app.addSystem("C")];
  const push = (...beats: [TestSystem, number][]) =>
    app.app.queue.push(
      beats.map(([{ system_id }, atMs]) => ({
        queue: "collect:heartbeat",
        payload: JSON.stringify([[system_id, atMs]]),
      })),
    );
  await app.clock.advance(10_000);
  const startMs = app.clock.now().getTime();
  const stored = JSON.stringify(
    [together, alone, heard].flatMap(({ system_id }) => [
      [system_id, startMs],
      [system_id, startMs + 500],
    ]),
  );
  await app.clock.advance(1_000);
  await upsertBeats(app.database, stored, new Date(0));
  expect(await statusOf(app, together)).toBe("unknown");
  // A newer one came first.
  await push([heard, startMs + 700]);
  await app.app.runner.drain();
  await push([together, startMs], [together, startMs + 500], [heard, startMs + 500]);
  await app.app.runner.drain();
  for (const atMs of [startMs, startMs + 500, startMs + 500]) {
    await push([alone, atMs]);
    await app.app.runner.drain();
  }
  expect(await flips(app, together)).toEqual(["active 00:00:10.500"]);
  expect(await flips(app, alone)).toEqual(["active 00:00:10.500"]);
  expect(await flips(app, heard)).toEqual(["active 00:00:10.700"]);
}, 60_000);

test("the watch of gateways that were killed is forgotten in time", async () => {
  await using shared = await createTestDatabase();
  await shared.database.query(
    "insert into gateways values (gen_random_uuid(), '2025-12-31T00:00:00Z', '2025-12-31T12:00:00Z')",
  );
  await using app = await openWatchedApp({}, shared);
  const [row] = await app.database.query<{ count: number }>("select count(*)::integer as count from gateways");
  expect(row?.count).toBe(1);
}, 60_000);
