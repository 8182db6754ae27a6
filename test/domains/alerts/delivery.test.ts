// Tests that posted alerts are durable when they are acknowledged, and reach Alertmanager in order however long it is away.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { OWNER } from "../../support/actor.ts";
import { hasAlertmanager, startAlertmanager } from "../../support/alertmanager.ts";
import type { TestAlertmanager } from "../../support/alertmanager.ts";
import type { TestSystem } from "../../support/app.ts";
import { alert, openAlertsApp, startUpstream } from "./fixture.ts";
import type { AlertsApp } from "./fixture.ts";

const post = (app: AlertsApp, system: TestSystem, body: unknown) => app.call(system, "POST", "alerts", body);
const ok = () => new Response(null, { status: 200 });
const namesIn = (body: string) =>
  (JSON.parse(body) as { labels: Record<string, string> }[]).map((one) => one.labels["alertname"]);

describe.skipIf(!hasAlertmanager)("with a real Alertmanager", () => {
  let upstream: TestAlertmanager;
  beforeAll(async () => {
    upstream = await startAlertmanager();
  }, 60_000);
  afterAll(() => upstream[Symbol.asyncDispose](), 60_000);

  test("alerts posted while it is away are answered with 200 and are there when it is back, newest state only", async () => {
    await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
    const system = await app.addSystem();
    await upstream.kill();
    for (const value of ["91", "92", "93"])
      expect((await post(app, system, [alert({ alertname: "Away" }, { annotations: { value } })])).status).toBe(200);
    await app.drain();
    expect(app.logged.filter((line) => line.includes("Alerts wait for Alertmanager")).length).toBe(1);
    await upstream.start();
    await app.clock.advance(60_000);
    await app.drain();
    const held = (await upstream.alerts()).filter((one) => one.labels["alertname"] === "Away");
    expect(held.map(({ annotations }) => annotations)).toEqual([{ value: "93" }]);
  }, 60_000);

  test("an alert that was resolved while Alertmanager was away does not fire any more", async () => {
    await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
    const system = await app.addSystem();
    const ended = new Date(Date.now() - 1_000).toISOString();
    await post(app, system, [alert({ alertname: "Gone" })]);
    await post(app, system, [alert({ alertname: "Gone" }, { endsAt: ended })]);
    await app.drain();
    expect((await upstream.alerts()).filter((one) => one.labels["alertname"] === "Gone")).toEqual([]);
  }, 60_000);

  const files = readdirSync(join(import.meta.dir, "payloads")).filter((name) => name.startsWith("alerts-"));
  test.each(files)(
    "%s, as a real client sent it, is taken",
    async (name) => {
      await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
      const system = await app.addSystem();
      const answer = await post(app, system, await Bun.file(join(import.meta.dir, "payloads", name)).text());
      expect([answer.status, answer.text]).toEqual([200, ""]);
      await app.drain();
      const kept = await app.database.query<{ refused: string | null; delivered: boolean }>(
        "select refused, delivered_position = position as delivered from alert_outbox",
      );
      expect(kept.length).toBeGreaterThan(0);
      expect(kept.every((one) => one.delivered && one.refused === null)).toBe(true);
    },
    60_000,
  );

  test("one alert that Alertmanager refuses does not hold back its neighbours", async () => {
    await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
    const system = await app.addSystem();
    const alerts = Array.from({ length: 9 }, (_, index) => alert({ alertname: `Neighbour${index}` }));
    await post(app, system, alerts);
    // Nothing that passes our own checks is refused by 0.25; so one is made unfit where it is kept.
    const { queue } = app.app;
    expect((await queue.counts())["collect:alerts"]?.pending).toBe(1);
    await app.drain();
    await app.database.query(
      `update alert_outbox set delivered_position = 0,
         alert = case when alert #>> '{labels,alertname}' = 'Neighbour4' then alert || '{"labels": {"bad-name": "x"}}' else alert end`,
    );
    await queue.push([{ queue: "muster:alert-delivery", payload: JSON.stringify({ tenant: "default", failures: 0 }) }]);
    await app.drain();
    const rows = await app.database.query<{ count: number; refused: string }>(
      "select count(*)::int, max(refused) as refused from alert_outbox where delivered_position = position group by refused is null order by 1",
    );
    expect(rows.map((one) => one.count)).toEqual([1, 8]);
    expect(rows[0]?.refused).toContain("bad-name");
    expect(app.logged.filter((line) => line.includes("Alertmanager refused alerts")).length).toBe(1);
  }, 60_000);
});

test("the tenant is the organisation's, and its own id where it has none", async () => {
  await using upstream = startUpstream(ok);
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url.replace("://", "://user:p%40ss@") });
  await app.app.api.organizations.add(OWNER, {
    id: "acme",
    name: "Acme",
    type: "customer",
    tenant: "reseller-1",
    vat: "IT1",
  });
  await post(app, await app.addSystem("a", { organization: "acme" }), [alert({})]);
  await post(app, await app.addSystem("b", { organization: "plain" }), [alert({})]);
  await post(app, await app.addSystem("c", { organization: "a strange/one" }), [alert({})]);
  await app.drain();
  expect(upstream.asked.map((one) => one.tenant).sort()).toEqual([
    expect.stringMatching(/^org-[0-9a-f]{32}$/),
    "plain",
    "reseller-1",
  ] as string[]);
  expect(upstream.asked[0]?.authorization).toBe(`Basic ${btoa("user:p@ss")}`);
  expect(upstream.asked[0]?.url.pathname).toBe("/alertmanager/api/v2/alerts");
  const ours = upstream.asked.find((one) => one.tenant === "reseller-1")?.body ?? "";
  expect(JSON.parse(ours)[0].labels).toMatchObject({
    organization_id: "acme",
    organization_name: "Acme",
    organization_type: "customer",
    organization_vat: "IT1",
  });
}, 60_000);

test("the address of a system is told without a mask", async () => {
  await using upstream = startUpstream(ok);
  await using app = await openAlertsApp({ MIMIR_URL: `${upstream.url}/custom/api/v2` });
  const system = await app.addSystem();
  await app.database.query("update systems set ipv4_address = '192.0.2.10', fqdn = 'gw.example.org', type = 'nsec'");
  await post(app, system, [alert({ system_ipv4: "6.6.6.6", organization_vat: "forged" })]);
  await app.drain();
  expect(upstream.asked[0]?.url.pathname).toBe("/custom/api/v2/alerts");
  expect(JSON.parse(upstream.asked[0]?.body ?? "")[0].labels).toEqual({
    alertname: "DiskFull",
    organization_id: "default",
    system_fqdn: "gw.example.org",
    system_id: system.system_id,
    system_ipv4: "192.0.2.10",
    system_key: system.system_key,
    system_name: "Branch 12",
    system_type: "nsec",
  });
}, 60_000);

test("alerts are delivered in the order they came, in groups of at most 500", async () => {
  await using upstream = startUpstream(ok);
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const system = await app.addSystem();
  const names = Array.from({ length: 1_201 }, (_, index) => `A${index}`);
  for (let at = 0; at < names.length; at += 300)
    await post(
      app,
      system,
      names.slice(at, at + 300).map((alertname) => alert({ alertname })),
    );
  await app.drain();
  const groups = upstream.asked.map((one) => namesIn(one.body));
  expect(groups.map((group) => group.length)).toEqual([500, 500, 201]);
  expect(groups.flat()).toEqual(names);
}, 60_000);

test("an older state that comes late does not replace a newer one", async () => {
  await using upstream = startUpstream(ok);
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const system = await app.addSystem();
  const posted = (position: number, value: string) => ({
    queue: "collect:alerts",
    payload: JSON.stringify([
      {
        systemId: system.system_id,
        position,
        alerts: [{ ...alert({}), annotations: { value }, startsAt: "2026-01-01T00:00:00Z" }],
      },
    ]),
  });
  await app.app.queue.push([posted(2_000, "new")]);
  await app.drain();
  await app.app.queue.push([posted(1_000, "old")]);
  await app.drain();
  expect(upstream.asked.map((one) => JSON.parse(one.body)[0].annotations.value)).toEqual(["new"]);
}, 60_000);

test("what waits without a job is found by the net within a minute", async () => {
  await using upstream = startUpstream(ok);
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const system = await app.addSystem();
  await post(app, system, [alert({})]);
  await app.drain();
  await app.database.query("update alert_outbox set delivered_position = 0");
  await app.app.scheduler.tick("alert-net", app.clock.now());
  await app.drain();
  expect(upstream.asked.length).toBe(2);
}, 60_000);

test("a delivery that became a dead letter is run again within a minute", async () => {
  await using upstream = startUpstream(ok);
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const { queue, runner, scheduler } = app.app;
  // As a fault of ours would leave it: dead, with its tenant's key.
  await queue.push([{ queue: "muster:alert-delivery", key: "default", payload: "no JSON" }]);
  const [job] = await queue.claim(["muster:alert-delivery"], { count: 1, bytes: 1 }, 1_000);
  if (!job) throw new Error("no job");
  await queue.bury(job, "a fault of ours");
  await app.database.query(`update jobs set payload = '{"tenant":"default","failures":0}'`);
  await post(app, await app.addSystem(), [alert({})]);
  await runner.drain();
  expect(upstream.asked).toEqual([]);
  await scheduler.tick("alert-net", app.clock.now());
  await runner.drain();
  expect(upstream.asked.length).toBe(1);
}, 60_000);

test("alerts of a system that was erased meanwhile are not delivered", async () => {
  await using upstream = startUpstream(ok);
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const system = await app.addSystem();
  await post(app, system, [alert({})]);
  await app.app.api.systems.erase(OWNER, system.system_key);
  await app.drain();
  expect(upstream.asked).toEqual([]);
  expect(await app.database.query("select 1 from alert_outbox")).toEqual([]);
}, 60_000);

describe("an upstream that", () => {
  test.each([
    ["answers HTML", () => new Response("<html>login</html>", { headers: { "content-type": "text/html" } }), 502],
    ["answers 406", () => new Response("the Alertmanager is not configured", { status: 406 }), 503],
    ["answers 500", () => new Response("boom", { status: 500 }), 503],
    ["answers 401", () => new Response("who are you", { status: 401 }), 503],
    ["redirects", () => Response.redirect("http://127.0.0.1:1/", 302), 503],
    ["answers another kind of JSON", () => Response.json({ hello: "world" }), 502],
    ["ends in the middle", () => new Response("[{"), 502],
  ])(
    "%s is told as ours to mend, and posted alerts stay",
    async (_how, answer, status) => {
      await using upstream = startUpstream(() => answer());
      await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
      const system = await app.addSystem();
      const got = await app.call(system, "GET", "alerts");
      expect([got.status, typeof got.json, got.headers.get("retry-after")]).toEqual([status, "string", "2"]);
      expect((await app.call(system, "GET", "silences")).status).toBe(status);
      expect((await post(app, system, [alert({})])).status).toBe(200);
      await app.drain();
      expect(await app.database.query("select 1 from alert_outbox where delivered_position = position")).toEqual([]);
      expect((await app.app.queue.counts())["muster:alert-delivery"]).toMatchObject({ delayed: 1, dead: 0 });
    },
    60_000,
  );

  test("breaks off in the middle of its answer is a 502", async () => {
    const server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket) {
          socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n[{");
          socket.end();
        },
      },
    });
    await using app = await openAlertsApp({ MIMIR_URL: `http://127.0.0.1:${server.port}` });
    expect((await app.call(await app.addSystem(), "GET", "alerts")).status).toBe(502);
    server.stop(true);
  }, 60_000);

  test("closes the connection is a 502", async () => {
    await using app = await openAlertsApp({ MIMIR_URL: "http://127.0.0.1:1", ALERTS_FORWARD: "direct" });
    const system = await app.addSystem();
    const got = await post(app, system, [alert({})]);
    expect([got.status, got.json]).toEqual([502, "Alertmanager cannot be reached"]);
  }, 60_000);

  test("hangs is a 503 after ten seconds, and is left at once when the machine goes away", async () => {
    const waiting: (() => void)[] = [];
    await using upstream = startUpstream(() => new Promise((resolve) => waiting.push(() => resolve(ok()))));
    await using app = await openAlertsApp({ MIMIR_URL: upstream.url, ALERTS_FORWARD: "direct" });
    const system = await app.addSystem();
    const slow = post(app, system, [alert({})]);
    while (upstream.asked.length < 1) await Bun.sleep(5);
    await app.clock.advance(10_001);
    expect((await slow).status).toBe(503);

    const leaving = new AbortController();
    const url = "http://localhost/api/services/mimir/alertmanager/api/v2/alerts";
    const gone = app.app.handle(
      new Request(url, { headers: { authorization: system.authorization }, signal: leaving.signal }),
    );
    while (upstream.asked.length < 2) await Bun.sleep(5);
    leaving.abort();
    expect((await gone).status).toBe(400);
    for (const answer of waiting) answer();
  }, 60_000);
});

describe("of bad input", () => {
  const bodies: [string, string, string][] = [
    ["nothing", "", "not a JSON array of alerts"],
    ["no JSON", "nonsense", "not a JSON array of alerts"],
    ["an object", "{}", "not a JSON array of alerts"],
    ["an array that does not end", '[{"labels":{"a":"b"}}', "not a JSON array of alerts"],
    ["something after the array", '[{"labels":{"a":"b"}}] []', "not a JSON array of alerts"],
    ["a comma too many", '[{"labels":{"a":"b"}},]', "not a JSON array of alerts"],
    ["no object", "[1]", "alerts[0] must be an object, got 1"],
    ["no labels", "[{}]", "alerts[0].labels must be an object, got nothing"],
    ["empty labels", '[{"labels":{"a":""}}]', "alerts[0].labels must hold a label"],
    ["a label that is a number", '[{"labels":{"a":1}}]', "alerts[0].labels.a must be a string, got 1"],
    ["a label's name", '[{"labels":{"a-b":"1"}}]', 'has the name "a-b"'],
    ["annotations", '[{"labels":{"a":"b"},"annotations":[]}]', "alerts[0].annotations must be an object"],
    ["a time", '[{"labels":{"a":"b"},"startsAt":"now"}]', 'alerts[0].startsAt must be a date and time, got "now"'],
    [
      "an end before the beginning",
      '[{"labels":{"a":"b"},"startsAt":"2026-01-02T00:00:00Z","endsAt":"2026-01-01T00:00:00Z"}]',
      "alerts[0].startsAt is after its endsAt",
    ],
    [
      "10,001 alerts",
      `[${Array.from({ length: 10_001 }, () => '{"labels":{"a":"b"}}').join(",")}]`,
      "more than 10000 alerts",
    ],
    ["an alert that is too long", `[{"labels":{"a":"${"x".repeat(300_000)}"}}]`, "an element is longer than"],
  ];
  test("each is a 400 that names the place, and nothing is kept", async () => {
    await using app = await openAlertsApp({ MIMIR_URL: "http://127.0.0.1:1" });
    const system = await app.addSystem();
    for (const [, body, sentence] of bodies) {
      const answer = await post(app, system, body);
      expect([answer.status, answer.json]).toEqual([400, expect.stringContaining(sentence)]);
    }
    expect(await app.app.queue.counts()).toEqual({});
  }, 60_000);

  test("alerts in order are kept beside one that is not, which is named", async () => {
    await using upstream = startUpstream(ok);
    await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
    const answer = await post(app, await app.addSystem(), [
      alert({ alertname: "Good" }),
      { labels: 1 },
      alert({ alertname: "Fine" }),
    ]);
    expect([answer.status, answer.json]).toEqual([
      400,
      "invalid request body: alerts[1].labels must be an object, got 1",
    ]);
    await app.drain();
    expect(upstream.asked.flatMap((one) => namesIn(one.body))).toEqual(["Good", "Fine"]);
  }, 60_000);

  test("a body beyond the limit is a 413 in a JSON string", async () => {
    await using app = await openAlertsApp({ MIMIR_URL: "http://127.0.0.1:1" });
    const answer = await post(app, await app.addSystem(), `[${" ".repeat(10 * 1024 ** 2)}]`);
    expect([answer.status, typeof answer.json]).toEqual([413, "string"]);
  }, 60_000);

  test("10,000 alerts of 1 KB are taken, and others are answered meanwhile", async () => {
    await using upstream = startUpstream(ok);
    await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
    const system = await app.addSystem();
    const alerts = Array.from({ length: 10_000 }, (_, index) =>
      alert({ alertname: `Many${index}` }, { annotations: { d: "x".repeat(850) } }),
    );
    const body = JSON.stringify(alerts);
    let isDone = false;
    let turns = 0;
    const posted = post(app, system, body).finally(() => (isDone = true));
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve));
      turns += 1;
    }
    expect((await posted).status).toBe(200);
    expect(turns).toBeGreaterThan(50);
    await app.drain();
    expect(upstream.asked.flatMap((one) => namesIn(one.body)).length).toBe(10_000);
    expect(Math.max(...upstream.asked.map((one) => one.body.length))).toBeLessThan(4.2 * 1024 ** 2);
  }, 60_000);

  test("templates that recurse, loop or print without end leave the annotation as it is, and one warning", async () => {
    await using upstream = startUpstream(ok);
    await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
    const bad = {
      recursing: '{{define "a"}}{{template "a"}}{{end}}{{template "a"}}',
      looping: "{{range 9223372036854775807}}{{end}}",
      printing: '{{range 9999}}{{printf "%100d" 1}}{{end}}',
      broken: "{{.alertname",
    };
    await post(app, await app.addSystem(), [
      alert({}, { annotations: { ...bad, good: "{{.alertname}} {{.missing}}" } }),
    ]);
    await app.drain();
    expect(JSON.parse(upstream.asked[0]?.body ?? "")[0].annotations).toEqual({ ...bad, good: "DiskFull <no value>" });
    const warned = app.logged.filter((line) => line.includes("An annotation is not a valid template"));
    expect(warned.length).toBe(1);
    expect(warned[0]).toContain("recursing");
  }, 60_000);

  test("NUL and halves of characters are harmless, numbers in annotations become text", async () => {
    await using upstream = startUpstream(ok);
    await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
    const body =
      '[{"labels":{"alertname":"a\\u0000b\\ud800"},"annotations":{"n":1,"t":"{{.x}}\\u0000","z":null,"__proto__":"p"}}]';
    expect((await post(app, await app.addSystem(), body)).status).toBe(200);
    await app.drain();
    const [sent] = JSON.parse(upstream.asked[0]?.body ?? "[]");
    expect(sent.labels.alertname).toBe("a\ufffdb\ufffd");
    expect(Object.entries(sent.annotations).sort()).toEqual([
      ["__proto__", "p"],
      ["n", "1"],
      ["t", "<no value>\ufffd"],
    ]);
  }, 60_000);

  test("a system that posts too often is told so with 429", async () => {
    await using app = await openAlertsApp({ MIMIR_URL: "http://127.0.0.1:1", ALERTS_RATE_PER_MINUTE: "3" });
    const system = await app.addSystem();
    const statuses: number[] = [];
    for (let count = 0; count < 4; count += 1) statuses.push((await post(app, system, [alert({})])).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    const throttled = await post(app, system, [alert({})]);
    expect(Number(throttled.headers.get("retry-after"))).toBeWithin(1, 6);
  }, 60_000);

  test("a post of many alerts counts as one for each 200, and nothing of one that is too much is kept", async () => {
    await using app = await openAlertsApp({ MIMIR_URL: "http://127.0.0.1:1", ALERTS_RATE_PER_MINUTE: "5" });
    const [system, neighbour] = [await app.addSystem("a"), await app.addSystem("b")];
    const many = (count: number) => Array.from({ length: count }, (_, index) => alert({ index: String(index) }));
    expect((await post(app, system, many(601))).status).toBe(200);
    expect((await post(app, system, many(201))).status).toBe(429);
    expect((await post(app, neighbour, many(1_000))).status).toBe(200);
    expect((await app.app.queue.counts())["collect:alerts"]?.pending).toBe(2);
  }, 60_000);

  test("compressed bodies are read here", async () => {
    await using upstream = startUpstream(ok);
    await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
    const { authorization } = await app.addSystem();
    const answer = await app.request("POST", "/api/services/mimir/alertmanager/api/v2/alerts", {
      authorization,
      headers: { "content-encoding": "gzip" },
      body: Bun.gzipSync(JSON.stringify([alert({ alertname: "Zipped" })])),
    });
    expect(answer.status).toBe(200);
    await app.drain();
    expect(upstream.asked.flatMap((one) => namesIn(one.body))).toEqual(["Zipped"]);
  }, 60_000);
});
