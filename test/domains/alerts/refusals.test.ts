// Tests that alerts of one system which Alertmanager refuses cost a bounded number of requests and delay no other system.
import { describe, expect, test } from "bun:test";
import { sift } from "../../../src/domains/alerts/outbox/refusals.ts";
import { hasAlertmanager, startAlertmanager } from "../../support/alertmanager.ts";
import type { TestSystem } from "../../support/app.ts";
import { postImpossibleDates, postRefusedLater } from "../../support/attacks/bad-alerts.ts";
import { alert, openAlertsApp, startUpstream } from "./fixture.ts";
import type { AlertsApp } from "./fixture.ts";

const post = (app: AlertsApp, system: TestSystem) => (body: string) => app.call(system, "POST", "alerts", body);
const one = (alertname: string) => JSON.stringify([alert({ alertname })]);

/** Refuses a request with a bad alert in it as a whole, as Alertmanager does with what its schema does not allow. */
const startPicky = (isBad: (body: string) => boolean = (body) => body.includes('"RefusedLater"')) =>
  startUpstream((_request, body) =>
    isBad(body) ? Response.json("bad alert in there", { status: 400 }) : new Response(null, { status: 200 }),
  );
const refusedOf = (app: AlertsApp) =>
  app.database.query<{ system_id: string; refused: string; count: number }>(
    `select system_id, refused, count(*)::integer as count from alert_outbox
     where refused is not null and delivered_position = position group by 1, 2 order by count`,
  );
const waitingIn = async (app: AlertsApp) =>
  (await app.database.query("select 1 from alert_outbox where delivered_position < position")).length;
const warnings = (app: AlertsApp) => app.logged.filter((line) => line.includes("Alertmanager refused alerts"));

test("10,000 alerts with an impossible date are one 400: nothing is kept, one line at most is logged", async () => {
  await using upstream = startPicky();
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const [attacker, neighbour] = [await app.addSystem("attacker"), await app.addSystem("neighbour")];
  const before = app.logged.length;
  const answer = await postImpossibleDates(post(app, attacker), { count: 10_000 });
  expect([answer.status, answer.text]).toEqual([400, expect.stringContaining("and 9990 more alerts")]);
  expect(answer.text.length).toBeLessThan(2_000);
  expect(app.logged.length - before).toBeLessThanOrEqual(1);
  await post(app, neighbour)(one("Neighbour"));
  await app.drain();
  expect(upstream.asked.map(({ body }) => body.includes('"Neighbour"'))).toEqual([true]);
}, 60_000);

test("10,000 alerts that are refused later hold up a neighbour by one request, are given up within 200, and log one line", async () => {
  await using upstream = startPicky();
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const [attacker, neighbour] = [await app.addSystem("attacker"), await app.addSystem("neighbour")];
  expect((await postRefusedLater(post(app, attacker), { count: 10_000 })).status).toBe(200);
  expect((await post(app, neighbour)(one("Neighbour"))).status).toBe(200);
  await app.drain();
  const before = upstream.asked.findIndex(({ body }) => body.includes('"Neighbour"'));
  expect(before).toBe(1);
  expect(upstream.asked.length).toBeLessThan(200);
  expect(await waitingIn(app)).toBe(0);
  const refused = await refusedOf(app);
  expect(refused.reduce((sum, row) => sum + row.count, 0)).toBe(10_000);
  expect(new Set(refused.map((row) => row.system_id))).toEqual(new Set([attacker.system_id]));
  expect(refused.map((row) => row.refused)).toEqual([
    "bad alert in there",
    "refused together with others: bad alert in there",
  ]);
  expect(warnings(app).length).toBe(1);
}, 120_000);

test("operators see what was refused, newest first and page by page, and why", async () => {
  await using upstream = startPicky();
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const [a, b] = [await app.addSystem("a"), await app.addSystem("b")];
  await postRefusedLater(post(app, a), { count: 3 });
  await app.drain();
  await app.clock.advance(1_000);
  await postRefusedLater(post(app, b), { count: 2 });
  await post(app, b)(one("Fine"));
  await app.drain();
  type Page = { alerts: Record<string, string>[]; next_cursor: string | null };
  const page = async (query: string) => (await app.admin<Page>("GET", `/api/admin/alerts/refused?${query}`)).body.data;
  const first = await page("limit=3");
  expect(first.alerts.map((row) => row["system_key"])).toEqual([b.system_key, b.system_key, a.system_key]);
  expect(first.alerts[0]).toMatchObject({ alertname: "RefusedLater", reason: "bad alert in there" });
  const rest = await page(`limit=3&cursor=${first.next_cursor}`);
  expect([rest.alerts.length, rest.next_cursor]).toEqual([2, null]);
  expect((await page(`system=${a.system_key}`)).alerts.length).toBe(3);
  expect((await app.admin("GET", "/api/admin/alerts/refused?system=nobody")).status).toBe(404);
  expect((await app.request("GET", "/api/admin/alerts/refused")).status).toBe(401);
}, 60_000);

test("who was refused is asked about by himself from then on: his next posts cost a neighbour nothing", async () => {
  await using upstream = startPicky();
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const [attacker, neighbour] = [await app.addSystem("attacker"), await app.addSystem("neighbour")];
  await post(app, attacker)(one("RefusedLater"));
  await app.drain();
  upstream.asked.length = 0;
  await postRefusedLater(post(app, attacker), { count: 600 });
  await post(app, neighbour)(one("Neighbour"));
  await app.drain();
  const shared = upstream.asked.filter(({ body }) => body.includes('"Neighbour"'));
  expect(shared.map(({ body }) => (JSON.parse(body) as unknown[]).length)).toEqual([1]);
  expect(upstream.asked.findIndex(({ body }) => body.includes('"Neighbour"'))).toBe(0);
}, 60_000);

test("one bad alert among 500 of a system is found within 21 requests, and the 499 others are delivered", async () => {
  await using upstream = startPicky();
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const system = await app.addSystem();
  const names = Array.from({ length: 500 }, (_, index) => (index === 333 ? "RefusedLater" : `Fine${index}`));
  await post(app, system)(JSON.stringify(names.map((alertname) => alert({ alertname }))));
  await app.drain();
  expect(upstream.asked.length).toBeLessThanOrEqual(21);
  expect(await refusedOf(app)).toEqual([{ system_id: system.system_id, refused: "bad alert in there", count: 1 }]);
  expect(await waitingIn(app)).toBe(0);
  // Mended and sent again, it is delivered and no dead letter any more.
  await app.database.query(
    'update alert_outbox set delivered_position = 0, alert = alert || \'{"labels": {"a": "b"}}\' where refused is not null',
  );
  await app.app.scheduler.tick("alert-net", app.clock.now());
  await app.drain();
  expect([await refusedOf(app), await waitingIn(app)]).toEqual([[], 0]);
}, 60_000);

test("bad alerts of many systems at once lose none of the good ones, whatever the number of requests allows", async () => {
  await using upstream = startPicky();
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const systems = await Promise.all(Array.from({ length: 12 }, (_, index) => app.addSystem(`s${index}`)));
  for (const [index, system] of systems.entries())
    await post(
      app,
      system,
    )(
      JSON.stringify([
        alert({ alertname: `Good${index}` }),
        ...(index % 2 ? [alert({ alertname: "RefusedLater" })] : []),
      ]),
    );
  await app.drain();
  const taken = upstream.asked
    .filter(({ body }) => !body.includes('"RefusedLater"'))
    .map(({ body }) => body)
    .join();
  for (const index of systems.keys()) expect(taken).toContain(`"Good${index}"`);
  expect((await refusedOf(app)).map((row) => row.count)).toEqual([1, 1, 1, 1, 1, 1]);
}, 60_000);

test("a system that is delivered by itself waits for an Alertmanager that is away, like everybody", async () => {
  let isAway = false;
  await using upstream = startUpstream((_request, body) =>
    isAway
      ? new Response("starting", { status: 503 })
      : body.includes('"RefusedLater"')
        ? Response.json("bad", { status: 400 })
        : new Response(null, { status: 200 }),
  );
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const system = await app.addSystem();
  await post(app, system)(one("RefusedLater"));
  await app.drain();
  isAway = true;
  await post(app, system)(one("Later"));
  await app.drain();
  expect((await app.app.queue.counts())["muster:alert-suspects"]).toMatchObject({ delayed: 1, dead: 0 });
  isAway = false;
  await app.clock.advance(60_000);
  await app.drain();
  expect(await waitingIn(app)).toBe(0);
}, 60_000);

test("what waits apart without a job is found by the net within a minute", async () => {
  await using upstream = startPicky();
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const [a, b] = [await app.addSystem("a"), await app.addSystem("b")];
  for (const system of [a, b]) await post(app, system)(one("Fine"));
  await app.drain();
  await app.database.query("update alert_outbox set delivered_position = 0, apart = true");
  upstream.asked.length = 0;
  await app.app.scheduler.tick("alert-net", app.clock.now());
  await app.drain();
  expect([upstream.asked.length, await waitingIn(app)]).toEqual([2, 0]);
}, 60_000);

describe("sifting", () => {
  const run = async (count: number, bad: readonly number[], tries: number) => {
    const items = Array.from({ length: count }, (_, index) => index);
    const result = { taken: [] as number[], refused: [] as number[], untold: [] as number[] };
    const used = await sift(items, {
      tries,
      post: async (some) => (some.some((item) => bad.includes(item)) ? "bad" : undefined),
      taken: async (some) => void result.taken.push(...some),
      refused: async (some, _reason, isTold) => void result[isTold ? "refused" : "untold"].push(...some),
    });
    return { used, ...result };
  };

  test("finds each bad one of any number, in at most 2 log2(n) + 1 tries each", async () => {
    for (const count of [1, 2, 3, 7, 64, 100, 500]) {
      for (const bad of [0, count >> 1, count - 1]) {
        const { used, refused, taken, untold } = await run(count, [bad], 1_000);
        expect([refused, taken.length, untold]).toEqual([[bad], count - 1, []]);
        expect(used).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(count)) + 1);
      }
    }
  }, 60_000);

  test("never tries more often than it may, and accounts for every one", async () => {
    for (const tries of [1, 2, 5, 20]) {
      const { used, refused, taken, untold } = await run(
        300,
        Array.from({ length: 300 }, (_, index) => index),
        tries,
      );
      expect(used).toBe(tries);
      expect(refused.length + taken.length + untold.length).toBe(300);
    }
  }, 60_000);
});

test.skipIf(!hasAlertmanager)(
  "a real Alertmanager's own refusal is the reason of the dead letter",
  async () => {
    await using upstream = await startAlertmanager();
    await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
    const [bad, good] = [await app.addSystem("bad"), await app.addSystem("good")];
    const posted = (system: TestSystem, labels: Record<string, string>, startsAt: string) => ({
      queue: "collect:alerts",
      payload: JSON.stringify([
        { systemId: system.system_id, position: 1, alerts: [{ labels, annotations: {}, startsAt }] },
      ]),
    });
    const now = new Date().toISOString();
    await app.app.queue.push([
      posted(bad, { alertname: "Bad" }, "2026-02-30T00:00:00Z"),
      posted(good, { alertname: "Good" }, now),
    ]);
    await app.drain();
    expect((await upstream.alerts()).map(({ labels }) => labels["alertname"])).toEqual(["Good"]);
    expect(await refusedOf(app)).toMatchObject([
      { system_id: bad.system_id, refused: expect.stringContaining("2026-02-30") },
    ]);
  },
  60_000,
);
