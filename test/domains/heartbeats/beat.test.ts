// Tests POST /systems/heartbeat: it is acknowledged when durable, whatever its body is.
import { expect, test } from "bun:test";
import { gzipSync } from "bun";
import { OWNER } from "../../support/actor.ts";
import { openTestApp } from "../../support/app.ts";
import type { RequestOptions, TestApp, TestSystem } from "../../support/app.ts";
import { createSeverableDatabase } from "../../support/severable.ts";

const beat = (app: TestApp, { authorization }: TestSystem, options: RequestOptions = {}) =>
  app.request("POST", "/api/systems/heartbeat", { authorization, ...options });

async function lastHeartbeat(app: TestApp, { system_id }: TestSystem): Promise<string | null> {
  const { body } = await app.admin<{ last_heartbeat: string | null }>("GET", `/api/admin/systems/${system_id}`);
  return body.data.last_heartbeat;
}

test("answers with the key, the acknowledgement and the gateway's time, under both prefixes", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  for (const path of ["/api/systems/heartbeat", "/collect/api/systems/heartbeat"]) {
    const { status, body } = await app.request("POST", path, { authorization: system.authorization });
    expect(status).toBe(200);
    expect(body).toEqual({
      code: 200,
      message: "heartbeat acknowledged",
      data: { system_key: system.system_key, acknowledged: true, last_heartbeat: "2026-01-01T00:00:00.000Z" },
    });
  }
}, 60_000);

const BODIES: [what: string, options: RequestOptions][] = [
  ["no body", {}],
  ["an empty object", { body: "{}", headers: { "content-type": "application/json" } }],
  ["a broken document", { body: "{{{", headers: { "content-type": "application/json" } }],
  ["bytes", { body: new Uint8Array([0, 255, 1]), headers: { "content-type": "application/octet-stream" } }],
  ["a form", { body: "a=b", headers: { "content-type": "application/x-www-form-urlencoded" } }],
  ["a broken form", { body: "x", headers: { "content-type": "multipart/form-data" } }],
  ["gzip", { body: gzipSync("{}"), headers: { "content-encoding": "gzip" } }],
  ["what is no gzip", { body: "{}", headers: { "content-encoding": "gzip" } }],
  ["an unknown encoding", { body: "{}", headers: { "content-encoding": "sdch" } }],
  ["a time of its own", { body: '{"system_key":"NOC-OTHER","last_heartbeat":"1999-01-01T00:00:00Z"}' }],
];

test.each(BODIES)(
  "ignores its body: %s",
  async (_, options) => {
    await using app = await openTestApp();
    const system = await app.addSystem();
    const { status, body } = await beat(app, system, options);
    expect([status, body.data["system_key"]]).toEqual([200, system.system_key]);
    await app.app.runner.drain();
    expect(await lastHeartbeat(app, system)).toBe("2026-01-01T00:00:00.000Z");
  },
  60_000,
);

test("a beat that was acknowledged is in the queue, and survives the process", async () => {
  await using way = await createSeverableDatabase();
  const existing = { url: way.url, database: way.direct };
  let system: TestSystem;
  {
    await using first = await openTestApp({}, existing);
    system = await first.addSystem();
    expect((await beat(first, system)).status).toBe(200);
  }
  await using second = await openTestApp({}, existing);
  await second.app.runner.drain();
  expect(await lastHeartbeat(second, system)).toBe("2026-01-01T00:00:00.000Z");
}, 60_000);

test("beats of one moment share one job, and each system gets its own answer", async () => {
  await using app = await openTestApp();
  const systems = await Promise.all(Array.from({ length: 20 }, (_, index) => app.addSystem(`S${index}`)));
  for (const system of systems) await beat(app, system);
  await app.app.runner.drain();
  const answers = await Promise.all(systems.map((system) => beat(app, system)));
  expect(answers.map(({ body }) => body.data["system_key"])).toEqual(systems.map((system) => system.system_key));
  const jobs = await app.app.queue.list("collect:heartbeat", "pending", 100);
  expect(jobs.length).toBeLessThanOrEqual(2);
}, 60_000);

test("a late beat and a repeated one change nothing", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  await app.clock.advance(60_000);
  const payload = (ms: number) => JSON.stringify([[system.system_id, Date.parse("2026-01-01T00:00:00Z") + ms]]);
  const push = (ms: number) => app.app.queue.push([{ queue: "collect:heartbeat", payload: payload(ms) }]);
  for (const ms of [50_000, 20_000, 50_000, 40_000]) {
    await push(ms);
    await app.app.runner.drain();
  }
  expect(await lastHeartbeat(app, system)).toBe("2026-01-01T00:00:50.000Z");
  const changes = await app.database.query<{ status: string; changed_at: Date }>(
    "select status, changed_at from system_status_changes",
  );
  expect(changes).toEqual([{ status: "active", changed_at: new Date("2026-01-01T00:00:50Z") }]);
}, 60_000);

test("the beat of an erased system and a damaged job do not spoil their batch", async () => {
  await using app = await openTestApp();
  const [erased, kept] = [await app.addSystem("Erased"), await app.addSystem("Kept")];
  await Promise.all([beat(app, erased), beat(app, kept)]);
  await app.app.queue.push([{ queue: "collect:heartbeat", payload: "not beats" }]);
  await app.app.queue.push([{ queue: "collect:heartbeat", payload: '[["no uuid",1]]' }]);
  await app.app.api.systems.erase(OWNER, erased.system_id);
  await app.app.runner.drain();
  expect(await lastHeartbeat(app, kept)).toBe("2026-01-01T00:00:00.000Z");
  const left = await app.app.queue.list("collect:heartbeat", "delayed", 10);
  expect(left.map((job) => job.payload)).toEqual(["not beats", '[["no uuid",1]]']);
}, 60_000);

test("while too much waits it is asked to come again within seconds", async () => {
  await using app = await openTestApp({ QUEUE_MAX_PENDING: "1" });
  const system = await app.addSystem();
  expect((await beat(app, system)).status).toBe(200);
  await app.clock.advance(2_000);
  await beat(app, system);
  const { status, headers, body } = await beat(app, system);
  expect([status, body.message]).toEqual([503, "too much work is waiting; try again shortly"]);
  expect(Number(headers.get("retry-after"))).toBeWithin(1, 6);
  await app.app.runner.drain();
  await app.clock.advance(10_000);
  await beat(app, system); // asks for a new count
  await Bun.sleep(50);
  expect((await beat(app, system)).status).toBe(200);
}, 60_000);

test("a beat that could not be kept is a 503, never an acknowledgement", async () => {
  await using way = await createSeverableDatabase();
  await using app = await openTestApp({}, { url: way.url, database: way.direct });
  const system = await app.addSystem();
  await beat(app, system);
  await way.cut();
  const answers = await Promise.all(Array.from({ length: 20 }, () => beat(app, system)));
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([503]));
  for (const { headers } of answers) expect(Number(headers.get("retry-after"))).toBeWithin(1, 6);
  await way.mend();
  expect((await beat(app, system)).status).toBe(200);
}, 60_000);
