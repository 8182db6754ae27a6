// Bodies made to be dear: nested as deep as they are long, on every route that reads one. Each is refused for what it costs to read.
import { expect, test } from "bun:test";
import { OWNER } from "../support/actor.ts";
import { openAlertsApp, startUpstream } from "../domains/alerts/fixture.ts";
import { openTestApp } from "../support/app.ts";
import { cpuOf } from "../support/cpu.ts";

const ALERTS = "/collect/api/services/mimir/alertmanager/api/v2";
const HOOK = "h".repeat(40);
const nested = (bytes: number) => "[".repeat(bytes / 2) + "]".repeat(bytes / 2);
/** Of CPU for a request in a test's app, PostgreSQL's round trips included; what was seen was 550 to 2,600. */
const MOST_MS = 200;

test("a body of brackets is 400 on every route that reads JSON, without credentials or with", async () => {
  await using upstream = startUpstream(() => Response.json([]));
  await using app = await openAlertsApp({
    MIMIR_URL: upstream.url,
    ALERTING_HISTORY_WEBHOOK_SECRET: HOOK,
    REGISTER_RATE_PER_MINUTE: "1000",
  });
  const { authorization, system_key } = await app.addSystem();
  const operator = `Bearer ${(await app.app.api.operators.addToken(OWNER, "depth")).token}`;
  const organization = { id: "depth", name: "Depth" };
  await app.admin("POST", "/api/admin/organizations", organization);
  const routes: [method: string, path: string, authorization?: string][] = [
    ["POST", "/api/systems/register"],
    ["POST", "/api/systems/inventory", authorization],
    ["POST", `${ALERTS}/alerts`, authorization],
    ["POST", `${ALERTS}/silences`, authorization],
    ["POST", "/api/alert_history", `Bearer ${HOOK}`],
    ["POST", "/api/admin/systems", operator],
    ["POST", `/api/admin/systems/${system_key}/rotate`, operator],
    ["POST", "/api/admin/organizations", operator],
    ["PATCH", "/api/admin/organizations/depth", operator],
    ["POST", "/api/admin/inventory/noise", operator],
    ["POST", "/api/admin/queues/inventory.record/redrive", operator],
    ["POST", "/api/admin/queues/inventory.record/discard", operator],
  ];
  const bodies = [nested(65_000), `{"system_secret":${nested(64_000)}}`, '{"a":'.repeat(13_000), `[${nested(64_000)}]`];
  for (const [method, path, auth] of routes)
    for (const whole of bodies) {
      // Without credentials a body is short.
      const body = auth ? whole : whole.slice(0, 8_000);
      let answer: { status: number; text: string } = { status: 0, text: "" };
      const costMs = await cpuOf(async () => {
        answer = await app.request(method, path, { body, ...(auth && { authorization: auth }) });
      });
      expect({ path, status: answer.status, isCheap: costMs < MOST_MS }).toEqual({ path, status: 400, isCheap: true });
      expect(answer.text).toContain(" deeper than 64 levels");
      expect(answer.text.length).toBeLessThan(500);
    }
}, 60_000);

test("forty deep annotations in one post of alerts cost no more than their bytes", async () => {
  await using upstream = startUpstream(() => Response.json([]));
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const system = await app.addSystem();
  const deep = Array(40).fill(`{"labels":{"alertname":"Deep"},"annotations":{"summary":${nested(60_000)}}}`);
  const body = `[{"labels":{"alertname":"DiskFull"}},${deep.join(",")}]`;
  let status = 0;
  const costMs = await cpuOf(async () => (status = (await app.call(system, "POST", "alerts", body)).status));
  expect({ status, isCheap: costMs < 1_000 }).toEqual({ status: 400, isCheap: true });
}, 60_000);

test("an answer that refuses a body names twenty faults of it at most, in sentences that stay short", async () => {
  await using app = await openTestApp({ REGISTER_RATE_PER_MINUTE: "1000" });
  const many = Object.fromEntries(Array.from({ length: 4_000 }, (_, index) => [`k${index}`, index]));
  const bodies = [
    { name: "x", ...many },
    { ["k".repeat(60_000)]: 1 },
    { name: "x".repeat(60_000) },
    Array(30_000).fill(1),
  ];
  for (const body of bodies) {
    const answer = await app.admin("POST", "/api/admin/systems", body);
    expect(answer.status).toBe(400);
    expect(answer.text.length).toBeLessThan(10_000);
  }
}, 60_000);

test("registrations of an address are counted before their bodies are read", async () => {
  await using app = await openTestApp({ REGISTER_RATE_PER_MINUTE: "3" });
  const { system_secret } = await app.addSystem("Branch", { registered: false });
  for (let count = 0; count < 3; count += 1)
    expect((await app.request("POST", "/api/systems/register", { body: nested(8_000) })).status).toBe(400);
  const unread = new ReadableStream<Uint8Array>(
    { pull: () => Promise.reject(new Error("the body was read")) },
    { highWaterMark: 0 },
  );
  expect((await app.request("POST", "/api/systems/register", { body: unread })).status).toBe(429);
  await app.clock.advance(61_000);
  const body = JSON.stringify({ system_secret });
  expect((await app.request("POST", "/api/systems/register", { body })).status).toBe(200);
}, 60_000);

test("a cursor of brackets is no cursor", async () => {
  await using app = await openTestApp();
  const cursor = Buffer.from(nested(10_000)).toString("base64url");
  const { status, body } = await app.admin("GET", `/api/admin/systems?cursor=${cursor}`);
  expect([status, body.message.length < 200]).toEqual([400, true]);
}, 60_000);
