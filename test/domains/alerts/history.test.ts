// Tests the history of resolved alerts, which Alertmanager reports, and the list and totals of active ones.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { hasAlertmanager, startAlertmanager } from "../../support/alertmanager.ts";
import type { TestAlertmanager } from "../../support/alertmanager.ts";
import { openListeningApp } from "../../support/listening.ts";
import type { TestApp, TestSystem } from "../../support/app.ts";
import { alert, matcher, openAlertsApp, silence, startUpstream } from "./fixture.ts";

const SECRET = "a secret of the webhook, 32 characters";
const env = { ALERTING_HISTORY_WEBHOOK_SECRET: SECRET };
const past = (system: TestSystem, labels: Record<string, unknown> = {}, more: Record<string, unknown> = {}) => ({
  status: "resolved",
  labels: {
    alertname: "DiskFull",
    severity: "critical",
    system_key: system.system_key,
    organization_id: "forged",
    ...labels,
  },
  annotations: { summary: "full" },
  startsAt: "2026-01-01T00:00:00.123456789Z",
  endsAt: "2026-01-01T01:00:00Z",
  generatorURL: "",
  fingerprint: "0123456789abcdef",
  ...more,
});
const tell = (app: TestApp, alerts: unknown, authorization = `Bearer ${SECRET}`) =>
  app.request("POST", "/api/alert_history", {
    authorization,
    body: typeof alerts === "string" ? alerts : JSON.stringify({ version: "4", receiver: "hook", alerts }),
  });
const rows = (app: TestApp) =>
  app.database.query<Record<string, unknown>>("select * from alert_history order by starts_at");

test("a resolved alert is kept once, under the system's own organisation, however often it is told", async () => {
  await using app = await openAlertsApp(env);
  const system = await app.addSystem("a", { organization: "acme" });
  for (let count = 0; count < 3; count += 1) {
    const { status, text } = await tell(app, [past(system), past(system)]);
    expect([status, text]).toEqual([204, ""]);
  }
  await tell(app, [past(system, {}, { startsAt: "2026-01-02T00:00:00Z" })]);
  const kept = await rows(app);
  expect(kept.length).toBe(2);
  expect(kept[0]).toMatchObject({
    system_key: system.system_key,
    organization_id: "acme",
    alertname: "DiskFull",
    severity: "critical",
    status: "resolved",
    fingerprint: "0123456789abcdef",
    summary: "full",
    receiver: "hook",
  });
}, 60_000);

test("a row whose end is corrected is news again; one that is only told again is not", async () => {
  await using app = await openAlertsApp(env);
  const system = await app.addSystem();
  await tell(app, [past(system)]);
  const first = app.clock.now();
  await app.clock.advance(60_000);
  await tell(app, [past(system)]);
  await tell(app, [past(system, {}, { annotations: { summary_en: "still full" } })]);
  expect(await rows(app)).toMatchObject([{ created_at: first, summary: "still full" }]);
  await tell(app, [past(system, {}, { endsAt: "2026-01-01T02:00:00Z" })]);
  expect(await rows(app)).toMatchObject([{ created_at: app.clock.now(), ends_at: new Date("2026-01-01T02:00:00Z") }]);
  const since = encodeURIComponent(app.clock.now().toISOString());
  const { body } = await app.admin<{ alerts: unknown[] }>("GET", `/api/admin/alerts/history?from=${since}`);
  expect(body.data.alerts.length).toBe(1);
}, 60_000);

test("what still fires, what is of nobody and what is of an unknown system is left out with 204", async () => {
  await using app = await openAlertsApp(env);
  const system = await app.addSystem();
  const { status } = await tell(app, [
    past(system, {}, { status: "firing" }),
    past(system, { system_key: "" }),
    past(system, { system_key: "NOC-1" }),
    past(system, { system_key: 7 }),
    past(system, {}, { startsAt: "0001-01-01T00:00:00Z" }),
  ]);
  expect([status, (await rows(app)).length]).toEqual([204, 0]);
}, 60_000);

test("a site's alert is kept under its organisation", async () => {
  await using app = await openAlertsApp(env);
  const system = await app.addSystem();
  await tell(app, [past(system, { alertname: "SiteUnreachable", system_key: undefined, organization_id: "acme" })]);
  expect((await rows(app))[0]).toMatchObject({ organization_id: "acme", system_id: null });
}, 60_000);

test("NUL and bad UTF-8 are harmless, the zero time is no end", async () => {
  await using app = await openAlertsApp(env);
  const system = await app.addSystem();
  await tell(app, [past(system, { x: "a\0b\ud800" }, { endsAt: "0001-01-01T00:00:00Z", fingerprint: "" })]);
  const body = Buffer.from(JSON.stringify({ alerts: [past(system, { x: "bad-é" })] }), "latin1");
  const { status } = await app.request("POST", "/api/alert_history", {
    authorization: `Bearer ${SECRET}`,
    body: new Uint8Array(body),
  });
  expect(status).toBe(204);
  const kept = await rows(app);
  expect(kept.length).toBe(2);
  expect(kept.map((one) => (one["labels"] as Record<string, string>)["x"]).sort()).toEqual([
    "a\ufffdb\ufffd",
    "bad-\ufffd",
  ]);
  expect(kept.some((one) => one["ends_at"] === null)).toBe(true);
}, 60_000);

test("a thousand are kept in one go, a thousand and one are refused with 413", async () => {
  await using app = await openAlertsApp(env);
  const system = await app.addSystem();
  const many = Array.from({ length: 1_001 }, (_, index) => past(system, {}, { fingerprint: `f${index}` }));
  expect((await tell(app, many.slice(1))).status).toBe(204);
  expect((await rows(app)).length).toBe(1_000);
  const { status, body } = await tell(app, many);
  expect([status, body.message]).toEqual([413, "too many alerts in payload"]);
}, 60_000);

test.each([
  ["nonsense", "not JSON"],
  ["[]", "it must be an object"],
  ['{"alerts":1}', "alerts must be an array, got 1"],
  ['{"alerts":[1]}', "alerts[0] must be an object, got 1"],
  ['{"alerts":[{"startsAt":"never"}]}', 'alerts[0].startsAt must be a date and time, got "never"'],
  [
    '{"alerts":[{"startsAt":{"startsAt":"2026-01-01T00:00:00Z"}}]}',
    "alerts[0].startsAt must be a date and time, got {",
  ],
  ['{"alerts":[{"startsAt":"2026-02-30T00:00:00Z"}]}', "alerts[0].startsAt must be a date and time"],
  ['{"alerts":[{"endsAt":"2026-01-01T24:00:00Z"}]}', "alerts[0].endsAt must be a date and time"],
  ['{"alerts":[{"endsAt":"2026-01-01T00:00:00+25:00"}]}', "alerts[0].endsAt must be a date and time"],
])(
  "refuses %s with 400",
  async (given, sentence) => {
    await using app = await openAlertsApp(env);
    const { status, body } = await tell(app, given);
    expect(status).toBe(400);
    expect(body.message).toStartWith("invalid request body: ");
    expect(body.message).toContain(sentence);
  },
  60_000,
);

test("a nested startsAt is a 400, however deep it nests", async () => {
  await using app = await openAlertsApp(env);
  for (const depth of [2, 60, 30_000]) {
    const { status } = await tell(app, `{"alerts":[{"startsAt":${"[".repeat(depth)}${"]".repeat(depth)}}]}`);
    expect(status).toBe(400);
  }
}, 60_000);

test("every offset that is one is kept as its instant; an alert of an unheard-of organization is left out", async () => {
  await using app = await openAlertsApp(env);
  const system = await app.addSystem();
  const site = past(system, {
    alertname: "SiteUnreachable",
    system_key: undefined,
    organization_id: "x".repeat(9_000),
  });
  const { status } = await tell(app, [
    past(system, {}, { startsAt: "2026-01-01T00:00:00+23:59", endsAt: "9999-12-31T23:59:59Z" }),
    site,
  ]);
  expect(status).toBe(204);
  expect((await rows(app)).map((one) => (one["starts_at"] as Date).toISOString())).toEqual([
    "2025-12-31T00:01:00.000Z",
  ]);
}, 60_000);

test.each(["2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "0000-01-01T00:00:00Z", "2026-01-01T00:00:00+24:00"])(
  "history from %s is a 400 that shows it",
  async (time) => {
    await using app = await openAlertsApp(env);
    const { status, body } = await app.admin("GET", `/api/admin/alerts/history?from=${encodeURIComponent(time)}`);
    expect([status, body.message]).toEqual([400, expect.stringContaining(`got ${JSON.stringify(time)}`)]);
    const sane = await app.admin(
      "GET",
      `/api/admin/alerts/history?to=${encodeURIComponent("2026-01-01T00:00:00+23:59")}`,
    );
    expect(sane.status).toBe(200);
  },
  60_000,
);

test("only the secret opens it; without one set it is closed with 503", async () => {
  await using app = await openAlertsApp(env);
  for (const authorization of [
    "",
    "Bearer ",
    `Basic ${SECRET}`,
    SECRET,
    `Bearer ${SECRET}x`,
    `Bearer ${SECRET.slice(1)}`,
  ]) {
    const { status, body } = await tell(app, [], authorization);
    expect([status, body.message]).toEqual([401, "authentication required"]);
  }
  await using closed = await openAlertsApp({});
  const { status, body } = await tell(closed, []);
  expect([status, body.message]).toEqual([503, "webhook authentication not configured"]);
}, 60_000);

test("history is listed newest first, page by page, by system, organisation, name, severity and time", async () => {
  await using app = await openAlertsApp(env);
  const [a, b] = [await app.addSystem("a", { organization: "x" }), await app.addSystem("b", { organization: "y" })];
  for (let index = 0; index < 5; index += 1) {
    await tell(app, [
      past(
        index % 2 ? a : b,
        { alertname: `N${index}`, severity: index === 4 ? "info" : "critical" },
        { fingerprint: `f${index}` },
      ),
    ]);
    await app.clock.advance(1_000);
  }
  type Page = { alerts: { alertname: string }[]; next_cursor: string | null };
  const page = async (query: string) => (await app.admin<Page>("GET", `/api/admin/alerts/history?${query}`)).body.data;
  const names = async (query: string) => (await page(query)).alerts.map((one) => one.alertname);
  const first = await page("limit=3");
  expect(first.alerts.map((one) => one.alertname)).toEqual(["N4", "N3", "N2"]);
  expect(await names(`limit=3&cursor=${first.next_cursor}`)).toEqual(["N1", "N0"]);
  expect(await names(`system=${a.system_key}`)).toEqual(["N3", "N1"]);
  expect(await names("organization=y")).toEqual(["N4", "N2", "N0"]);
  expect(await names("severity=info")).toEqual(["N4"]);
  expect(await names("alertname=N2")).toEqual(["N2"]);
  const to = encodeURIComponent(new Date(app.clock.now().getTime() - 3_500).toISOString());
  expect(await names(`to=${to}`)).toEqual(["N1", "N0"]);
  expect((await app.admin("GET", "/api/admin/alerts/history?system=nobody")).status).toBe(404);
}, 60_000);

test("history goes when its time is over, and with its system", async () => {
  await using app = await openAlertsApp({ ...env, ALERT_HISTORY_DAYS: "10" });
  const [a, b] = [await app.addSystem("a"), await app.addSystem("b")];
  await tell(app, [past(a), past(b, {}, { fingerprint: "other" })]);
  await app.app.api.systems.erase(OWNER, b.system_key);
  expect((await rows(app)).length).toBe(1);
  await app.clock.advance(11 * 86_400_000);
  await app.app.scheduler.tick("alert-prune", app.clock.now());
  await app.drain();
  expect(await rows(app)).toEqual([]);
}, 60_000);

describe.skipIf(!hasAlertmanager)("with a real Alertmanager", () => {
  let upstream: TestAlertmanager;
  beforeAll(async () => {
    upstream = await startAlertmanager();
  }, 60_000);
  afterAll(() => upstream[Symbol.asyncDispose](), 60_000);

  test("operators see what is active, by system, organisation and severity; totals count it, muted ones too", async () => {
    await using app = await openAlertsApp({ MIMIR_URL: upstream.url, ALERTS_FORWARD: "direct" });
    const [a, b] = [await app.addSystem("a", { organization: "x" }), await app.addSystem("b", { organization: "y" })];
    await app.call(a, "POST", "alerts", [
      alert({ alertname: "A1", severity: "critical" }),
      alert({ alertname: "A2", severity: "warning" }),
    ]);
    await app.call(b, "POST", "alerts", [alert({ alertname: "B1", severity: "odd" })]);
    await app.call(a, "POST", "silences", silence([matcher("alertname", "A2")]));
    type Active = { alerts: { labels: Record<string, string> }[]; more: boolean };
    const active = async (query: string) => {
      const { data } = (await app.admin<Active>("GET", `/api/admin/alerts?${query}`)).body;
      return [data.alerts.map((one) => one.labels["alertname"]).sort(), data.more];
    };
    expect(await active("")).toEqual([["A1", "A2", "B1"], false]);
    expect(await active(`system=${b.system_key}`)).toEqual([["B1"], false]);
    expect(await active("organization=x&severity=critical")).toEqual([["A1"], false]);
    expect((await active("limit=2"))[1]).toBe(true);
    expect(await active(`alertname=${encodeURIComponent('A1"} or {')}`)).toEqual([[], false]);

    await app.app.scheduler.tick("alert-totals", app.clock.now());
    await app.drain();
    const totals = async () =>
      (await app.admin<{ totals: Record<string, unknown>[] }>("GET", "/api/admin/alerts/totals")).body.data.totals;
    expect(await totals()).toMatchObject([
      { organization_id: "x", active: 2, critical: 1, warning: 1, info: 0, muted: 1, stale: false },
      { organization_id: "y", active: 1, critical: 0, warning: 0, info: 0, muted: 0, stale: false },
    ]);
    await app.clock.advance(180_000);
    expect((await totals()).map((one) => one["stale"])).toEqual([true, true]);
    await app.app.api.systems.erase(OWNER, b.system_key);
    await app.app.scheduler.tick("alert-totals", app.clock.now());
    await app.drain();
    expect(await totals()).toMatchObject([{ organization_id: "x", stale: false }]);
  }, 60_000);

  test("an alert that ends is told by Alertmanager itself and found in the history", async () => {
    const app = await openListeningApp(env);
    await using hooked = await startAlertmanager({ webhook: { url: `${app.main}/api/alert_history`, token: SECRET } });
    const system = await app.addSystem("a", { organization: "x" });
    const labels = { alertname: "Short", system_key: system.system_key };
    await hooked.post("alerts", [{ labels }]);
    await Bun.sleep(1_500);
    await hooked.post("alerts", [{ labels, endsAt: new Date().toISOString() }]);
    for (let tries = 0; tries < 100 && (await rows(app)).length === 0; tries += 1) await Bun.sleep(100);
    expect(await rows(app)).toMatchObject([{ alertname: "Short", organization_id: "x", status: "resolved" }]);
    await app[Symbol.asyncDispose]();
  }, 60_000);
});

test("a tenant that does not answer keeps its old totals, which grow stale, and is named once", async () => {
  let isAway = false;
  await using upstream = startUpstream((request) => {
    if (isAway && request.headers.get("x-scope-orgid") === "y") return new Response("x", { status: 500 });
    const organization_id = request.headers.get("x-scope-orgid") ?? "";
    return Response.json([{ labels: { organization_id, severity: "info" } }, { labels: { organization_id: "z" } }, 7]);
  });
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  await app.addSystem("a", { organization: "x" });
  await app.addSystem("b", { organization: "y" });
  const tick = async () => {
    await app.app.scheduler.tick("alert-totals", app.clock.now());
    await app.drain();
  };
  await tick();
  isAway = true;
  await app.clock.advance(180_000);
  await tick();
  const { body } = await app.admin<{ totals: Record<string, unknown>[] }>("GET", "/api/admin/alerts/totals");
  expect(body.data.totals.map((one) => [one["organization_id"], one["active"], one["info"], one["stale"]])).toEqual([
    ["x", 1, 1, false],
    ["y", 1, 1, true],
  ]);
  expect(app.logged.filter((line) => line.includes("could not be counted")).length).toBe(1);
}, 60_000);

test("a page ends at 2 MB, whatever the annotations hold, and the cursor goes on", async () => {
  await using app = await openAlertsApp(env);
  const system = await app.addSystem();
  for (let at = 0; at < 6; at += 1)
    await tell(app, [
      past(
        system,
        {},
        {
          fingerprint: `page${at}`,
          startsAt: `2026-01-0${at + 1}T00:00:00Z`,
          annotations: { text: "x".repeat(600_000) },
        },
      ),
    ]);
  const sizes: number[] = [];
  for (let query = ""; ;) {
    const { body } = await app.admin<{ alerts: unknown[]; next_cursor: string | null }>(
      "GET",
      `/api/admin/alerts/history?limit=200${query}`,
    );
    sizes.push(body.data.alerts.length);
    if (body.data.next_cursor === null) break;
    query = `&cursor=${body.data.next_cursor}`;
  }
  expect(sizes).toEqual([4, 2]);
}, 60_000);
