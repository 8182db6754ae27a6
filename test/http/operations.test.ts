// The operations listener: what probes, Prometheus and people ask of it.
import { expect, test } from "bun:test";
import { checkReadiness, operationsHandler } from "../../src/http/operations.ts";
import type { TestApp } from "../support/app.ts";
import { openTestApp } from "../support/app.ts";
import { openListeningApp } from "../support/listening.ts";
import { createSeverableDatabase } from "../support/severable.ts";

const ask = async (app: TestApp, path: string, method = "GET") => {
  const response = await app.app.handleOperations(new Request(`http://localhost${path}`, { method }));
  return { status: response.status, headers: response.headers, text: await response.text() };
};
// Answers are looked into by path; a path that is not there fails the expectation.
const at = (text: string, ...path: string[]): unknown =>
  path.reduce((value: unknown, name) => (value as Record<string, unknown> | undefined)?.[name], JSON.parse(text).data);

test("/health says that the process is alive, and the main listener says so too", async () => {
  await using app = await openListeningApp();
  for (const url of [`${app.operations}/health`, `${app.main}/api/health`]) {
    const response = await fetch(url);
    expect([response.status, await response.json()]).toEqual([
      200,
      { code: 200, message: "service healthy", data: { version: "0.0.0-test" } },
    ]);
  }
}, 60_000);

test("/ready names each dependency and how it is", async () => {
  await using app = await openTestApp();
  const { status, text } = await ask(app, "/ready");
  expect(status).toBe(200);
  expect(at(text, "status")).toBe("ready");
  expect(at(text, "checks", "database")).toEqual({ status: "ok" });
}, 60_000);

test("with the database away it is alive but not ready, says why, and is ready again after", async () => {
  await using way = await createSeverableDatabase();
  await using app = await openTestApp({}, { url: way.url, database: way.direct });
  await way.cut();
  const { status, text } = await ask(app, "/ready");
  expect([status, JSON.parse(text).message]).toEqual([503, "service unready"]);
  expect(at(text, "checks", "database", "status")).toBe("failed");
  expect(String(at(text, "checks", "database", "reason"))).toContain("The database is not available");
  expect((await ask(app, "/health")).status).toBe(200);
  expect((await ask(app, "/stats")).status).toBe(503);
  const metrics = await ask(app, "/metrics");
  expect([metrics.status, metrics.text.includes("muster_database_up 0")]).toEqual([200, true]);
  await way.mend();
  expect((await ask(app, "/ready")).status).toBe(200);
}, 60_000);

test("a check that warns degrades without refusing traffic, one that hangs counts as failed", async () => {
  const ok = { name: "ok", advice: "", run: async () => undefined };
  const warns = { name: "warns", advice: "Make room.", run: async () => "the disk is nearly full" };
  const hangs = { name: "hangs", advice: "Look at its log.", run: () => new Promise<undefined>(() => {}) };
  expect(await checkReadiness([ok, warns])).toEqual({
    status: "degraded",
    checks: {
      ok: { status: "ok" },
      warns: { status: "degraded", reason: "the disk is nearly full", advice: "Make room." },
    },
  });
  const { status, checks } = await checkReadiness([ok, warns, hangs]);
  expect([status, checks["hangs"]]).toEqual([
    "unready",
    { status: "failed", reason: "no answer within 2500 ms", advice: "Look at its log." },
  ]);
  const handle = operationsHandler({
    version: "1",
    readiness: () => checkReadiness([warns]),
    metrics: async () => "",
    stats: async () => ({}),
  });
  expect((await handle(new Request("http://localhost/ready"))).status).toBe(200);
}, 60_000);

test("/stats counts queues and workers", async () => {
  await using app = await openTestApp();
  const { authorization } = await app.addSystem();
  await app.request("POST", "/api/systems/heartbeat", { authorization });
  await app.clock.advance(5_000);
  const { status, text } = await ask(app, "/stats");
  expect(status).toBe(200);
  expect(at(text, "queues", "collect:heartbeat")).toEqual({
    pending: 1,
    delayed: 0,
    active: 0,
    dead: 0,
    oldestSeconds: 5,
  });
  expect(at(text, "workers", "collect:heartbeat")).toMatchObject({ running: 0, done: 0, failed: 0, buried: 0 });
  expect(at(text, "uptime_seconds")).toBe(5);
}, 60_000);

test("/metrics counts requests by route and status, and their time, in Prometheus' format", async () => {
  await using app = await openTestApp();
  const { authorization } = await app.addSystem();
  for (let count = 0; count < 3; count += 1) await app.request("POST", "/api/systems/heartbeat", { authorization });
  await app.request("POST", "/api/systems/heartbeat?x=1");
  await app.request("GET", `/made/up/${crypto.randomUUID()}`);
  await app.request("PATCH", "/api/health");
  await app.admin("GET", "/api/admin/systems/NOC-X");
  const { text, headers } = await ask(app, "/metrics");
  expect(headers.get("content-type")).toStartWith("text/plain");
  const lines = text.split("\n");
  const value = (start: string) => lines.find((line) => line.startsWith(`${start} `))?.slice(start.length + 1);
  const beats = 'route="/api/systems/heartbeat"';
  expect(value(`muster_http_requests_total{${beats},method="POST",status="200"}`)).toBe("3");
  expect(value(`muster_http_requests_total{${beats},method="POST",status="401"}`)).toBe("1");
  expect(value('muster_http_requests_total{route="other",method="GET",status="404"}')).toBe("1");
  expect(value('muster_http_requests_total{route="/api/admin/*",method="GET",status="404"}')).toBe("1");
  expect(value('muster_http_requests_total{route="/api/health",method="PATCH",status="404"}')).toBe("1");
  expect(value(`muster_http_request_seconds_bucket{${beats},le="+Inf"}`)).toBe("4");
  expect(value(`muster_http_request_seconds_count{${beats}}`)).toBe("4");
  expect(Number(value(`muster_http_request_seconds_sum{${beats}}`))).toBeGreaterThan(0);
  expect(text).toContain("# TYPE muster_http_request_seconds histogram");
  const again = await ask(app, "/metrics");
  expect(again.text).toContain(`muster_http_requests_total{${beats},method="POST",status="200"} 3`);
  for (const name of [
    "muster_queue_jobs",
    "muster_worker_jobs_total",
    "muster_database_up 1",
    "process_resident_memory_bytes",
  ])
    expect(text).toContain(name);
  expect(text).not.toContain("/made/up");
}, 60_000);

test("buckets only grow, each holding the ones below it", async () => {
  await using app = await openTestApp();
  for (let count = 0; count < 20; count += 1) await app.request("GET", "/api/health");
  const { text } = await ask(app, "/metrics");
  const buckets = [
    ...text.matchAll(/muster_http_request_seconds_bucket\{route="\/api\/health",le="[^"]+"\} (\d+)/g),
  ].map(([, count]) => Number(count));
  expect(buckets.length).toBeGreaterThan(10);
  expect(buckets).toEqual(buckets.toSorted((a, b) => a - b));
  expect(buckets.at(-1)).toBe(20);
}, 60_000);

test("what it does not know is 404 and names what there is; other methods are 405; HEAD is answered", async () => {
  await using app = await openTestApp();
  const unknown = await ask(app, "/metricz");
  expect([unknown.status, JSON.parse(unknown.text).message]).toEqual([
    404,
    "not found: try /health, /ready, /metrics or /stats",
  ]);
  const posted = await ask(app, "/health", "POST");
  expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  expect((await ask(app, "/ready", "HEAD")).status).toBe(200);
}, 60_000);

test("muster doctor asks all that /ready asks, and what only an operator needs to know; each says what to do", async () => {
  await using app = await openTestApp();
  const ready = JSON.parse((await ask(app, "/ready")).text) as { data: { checks: Record<string, unknown> } };
  const examined = await app.app.about.examine();
  expect(examined.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(ready.data.checks)));
  expect(Object.keys(ready.data.checks)).not.toContain("dead jobs");
  await app.database.query(
    `insert into jobs (queue, state, due_at, place, reason, pushed_at, payload_bytes, payload)
     values ('made-up', 'dead', now(), 1, 'x', now(), 0, '')`,
  );
  const dead = (await app.app.about.examine()).find(({ name }) => name === "dead jobs");
  expect(dead).toMatchObject({ status: "degraded", reason: "Jobs were given up: 1 in made-up." });
  expect(dead?.advice).toContain("muster queues redrive");
  expect((await ask(app, "/ready")).text).not.toContain("given up");
}, 60_000);
