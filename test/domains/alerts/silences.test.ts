// Tests the limits of an appliance's silences: their number, size and length, and a shorter length for LinkFailed.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { limitSilence } from "../../../src/domains/alerts/silences/limits.ts";
import type { Matcher } from "../../../src/domains/alerts/silences/silence.ts";
import { hasAlertmanager, startAlertmanager } from "../../support/alertmanager.ts";
import type { TestAlertmanager } from "../../support/alertmanager.ts";
import type { TestSystem } from "../../support/app.ts";
import { floodSilences, silenceOfDeadLink } from "../../support/attacks/silence-flood.ts";
import { alert, matcher, openAlertsApp, silence, startUpstream } from "./fixture.ts";
import type { AlertsApp } from "./fixture.ts";

const DAY = 86_400_000;
const ahead = (app: AlertsApp, ms: number) => new Date(app.clock.now().getTime() + ms).toISOString();
const create = (app: AlertsApp, system: TestSystem, body: unknown) =>
  app.call<string & { silenceID: string }>(system, "POST", "silences", body);

/** Takes every silence under a new id, or under its own, and ends it; `refuses` it all when told so. */
function startTaker() {
  const taken = { refuses: false };
  const held = new Map<string, { matchers: unknown[] }>();
  const upstream = startUpstream((request, body) => {
    if (taken.refuses) return Response.json("not this one", { status: 400 });
    const id = new URL(request.url).pathname.split("/").at(-1) ?? "";
    if (request.method === "GET")
      return Response.json(held.get(id) ?? "not found", { status: held.has(id) ? 200 : 404 });
    if (request.method === "DELETE") return new Response(null, { status: 200 });
    const given = JSON.parse(body) as { id?: string; matchers: unknown[] };
    const silenceID = given.id ?? crypto.randomUUID();
    held.set(silenceID, given);
    return Response.json({ silenceID });
  });
  return { ...upstream, posts: () => upstream.asked.filter((one) => one.method === "POST").length, taken };
}

test("of a flood of 600 silences a system gets 50; its neighbour in the same organization goes on", async () => {
  await using upstream = startTaker();
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url, ALERTS_RATE_PER_MINUTE: "10000" });
  const [attacker, neighbour] = [
    await app.addSystem("attacker", { organization: "acme" }),
    await app.addSystem("neighbour", { organization: "acme" }),
  ];
  const post = async (body: unknown) => (await create(app, attacker, body)).status;
  const statuses = await floodSilences(post, { count: 600, endsAt: ahead(app, DAY) });
  expect(statuses).toEqual({ 200: 50, 400: 550 });
  expect(upstream.posts()).toBe(50);
  const refused = await create(app, attacker, silence([matcher("a", "b")]));
  expect(refused.json as string).toContain("this system has 50 silences that are pending or active");
  expect((await create(app, neighbour, silence([matcher("a", "b")]))).status).toBe(200);
  // Its alerts are another matter, and so is what it lists.
  expect((await app.call(attacker, "POST", "alerts", [alert({})])).status).toBe(200);
}, 60_000);

test("one that was ended makes room; one that is changed takes none; one that ended by itself neither", async () => {
  await using upstream = startTaker();
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url, SILENCES_PER_SYSTEM: "2" });
  const system = await app.addSystem();
  const wanted = () => silence([matcher("a", "b")], { endsAt: ahead(app, 60_000) });
  const first = (await create(app, system, wanted())).json.silenceID;
  // Alertmanager's answer carries the matcher that makes it this system's.
  expect((await create(app, system, wanted())).status).toBe(200);
  expect((await create(app, system, wanted())).status).toBe(400);
  const changed = await create(app, system, { ...wanted(), id: first });
  expect([changed.status, changed.json.silenceID]).toEqual([200, first]);
  expect((await create(app, system, wanted())).status).toBe(400);
  expect((await app.call(system, "DELETE", `silence/${first}`)).status).toBe(200);
  expect((await create(app, system, wanted())).status).toBe(200);
  await app.clock.advance(61_000);
  expect((await create(app, system, wanted())).status).toBe(200);
}, 60_000);

test("an organization has its own number, and another one is not touched by it", async () => {
  await using upstream = startTaker();
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url, SILENCES_PER_ORGANIZATION: "3" });
  const systems = await Promise.all(["a", "b"].map((name) => app.addSystem(name, { organization: "acme" })));
  const other = await app.addSystem("c", { organization: "other" });
  const answers = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => {
      const system = systems[index % 2];
      if (!system) throw new Error("no system");
      return create(app, system, silence([matcher("a", "b")]));
    }),
  );
  expect(answers.filter((one) => one.status === 200).length).toBe(3);
  expect(answers.find((one) => one.status === 400)?.json as string).toContain("its organization has 3 silences");
  expect((await create(app, other, silence([matcher("a", "b")]))).status).toBe(200);
}, 60_000);

test("made and ended again and again, ten times the number are let be until Alertmanager has forgotten them", async () => {
  await using upstream = startTaker();
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url, SILENCES_PER_SYSTEM: "2" });
  const system = await app.addSystem();
  const cycle = async () => {
    const { status, json } = await create(app, system, silence([matcher("a", "b")], { endsAt: ahead(app, DAY) }));
    if (status === 200) await app.call(system, "DELETE", `silence/${json.silenceID}`);
    return status;
  };
  const statuses: number[] = [];
  for (let count = 0; count < 21; count += 1) statuses.push(await cycle());
  expect(statuses).toEqual([...Array.from({ length: 20 }, () => 200), 400]);
  await app.clock.advance(6 * DAY);
  await app.app.scheduler.tick("alert-prune", app.clock.now());
  await app.drain();
  expect(await cycle()).toBe(200);
}, 60_000);

test("one that Alertmanager refuses, and one of a system that was erased, take no room", async () => {
  await using upstream = startTaker();
  await using app = await openAlertsApp({
    MIMIR_URL: upstream.url,
    SILENCES_PER_SYSTEM: "1",
    SILENCES_PER_ORGANIZATION: "1",
  });
  const [a, b] = [await app.addSystem("a"), await app.addSystem("b")];
  upstream.taken.refuses = true;
  for (let count = 0; count < 3; count += 1)
    expect((await create(app, a, silence([matcher("a", "b")]))).json as string).toBe("not this one");
  upstream.taken.refuses = false;
  expect((await create(app, a, silence([matcher("a", "b")]))).status).toBe(200);
  expect((await create(app, b, silence([matcher("a", "b")]))).status).toBe(400);
  await app.app.api.systems.erase(OWNER, a.system_key);
  expect((await create(app, b, silence([matcher("a", "b")]))).status).toBe(200);
}, 60_000);

test("changes of silences that come too often are a 429, and alerts are taken all the same", async () => {
  await using upstream = startTaker();
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url, ALERTS_RATE_PER_MINUTE: "3" });
  const system = await app.addSystem();
  const statuses: number[] = [];
  for (let count = 0; count < 4; count += 1) statuses.push((await create(app, system, "{}")).status);
  expect(statuses).toEqual([400, 400, 400, 429]);
  expect((await app.call(system, "DELETE", `silence/${crypto.randomUUID()}`)).status).toBe(429);
  expect((await app.call(system, "POST", "alerts", [alert({})])).status).toBe(200);
}, 60_000);

test("one that is too large, or ends in 2099, or begins late so as to end late, is a 400 that says what may be", async () => {
  await using upstream = startTaker();
  await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
  const system = await app.addSystem();
  const said = async (more: Record<string, unknown>) => {
    const { status, json } = await create(app, system, silence([matcher("a", "b")], more));
    return [status, json as unknown];
  };
  const days = [400, expect.stringContaining("endsAt must be within 31 days from now")];
  expect(await said({ endsAt: "2099-01-01T00:00:00Z" })).toEqual(days);
  expect(await said({ startsAt: ahead(app, 31 * DAY), endsAt: ahead(app, 32 * DAY) })).toEqual(days);
  expect(await said({ endsAt: ahead(app, 30 * DAY) })).toEqual([200, expect.anything()]);
  expect(await said({ endsAt: "2026-02-30T00:00:00Z" })).toEqual([
    400,
    expect.stringContaining("endsAt must be a date"),
  ]);
  expect(await said({ comment: "é".repeat(4_000) })).toEqual([
    400,
    expect.stringMatching(/has 8\d{3} bytes, more than 4096/),
  ]);
  expect(upstream.posts()).toBe(1);
}, 60_000);

describe("a matcher", () => {
  const limits = { maxBytes: 4_096, maxAheadMs: 31 * DAY, maxLinkFailedMs: DAY };
  const now = new Date("2026-01-01T00:00:00Z");
  const limited = (one: Matcher, days: number) =>
    limitSilence(
      {
        matchers: [one],
        startsAt: now.toISOString(),
        endsAt: new Date(now.getTime() + days * DAY).toISOString(),
        createdBy: "",
        comment: "",
      },
      limits,
      now,
    ).matchers.length;
  const exact = (name: string, value: string, isEqual = true): Matcher => ({ name, value, isRegex: false, isEqual });
  const pattern = (name: string, value: string, isEqual = true): Matcher => ({ name, value, isRegex: true, isEqual });

  test.each([
    ["another alert", exact("alertname", "DiskFull")],
    ["another severity", exact("severity", "warning")],
    ["another source", exact("managed_by", "me")],
    ["a label that it has not", exact("mountpoint", "/")],
    ["all but it", exact("alertname", "LinkFailed", false)],
    ["all that is not critical", exact("severity", "critical", false)],
  ])("that names %s spares LinkFailed as it is", (_what, one) => expect(limited(one, 7)).toBe(1));

  test.each([
    ["its severity", exact("severity", "critical")],
    ["a label that it has not, as empty", exact("mountpoint", "")],
    ["the system's own name, which may change", exact("system_name", "another")],
    ["any alert", pattern("alertname", ".+")],
    ["what a pattern leaves out", pattern("alertname", "Disk.*", false)],
    ["another alert by a pattern, which is not run", pattern("alertname", "Disk.*")],
  ])("that names %s gets one more beyond a day, and none within it", (_what, one) => {
    expect([limited(one, 0.9), limited(one, 7)]).toEqual([1, 2]);
  });

  test.each([exact("alertname", "LinkFailed"), pattern("alertname", "LinkFailed|DiskFull")])(
    "%j is refused beyond a day",
    (one) => {
      expect(limited(one, 1)).toBe(1);
      expect(() => limited(one, 1.001)).toThrow("within 1 day from now for a silence of LinkFailed");
    },
  );
});

describe.skipIf(!hasAlertmanager)("on a real Alertmanager", () => {
  let upstream: TestAlertmanager;
  beforeAll(async () => {
    upstream = await startAlertmanager();
  }, 60_000);
  afterAll(() => upstream[Symbol.asyncDispose](), 60_000);

  test("no silence of a month hides a dead link, whatever it names, and one of a day does", async () => {
    await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
    const system = await app.addSystem("gone");
    const labels = {
      alertname: "LinkFailed",
      severity: "critical",
      managed_by: "my-collect",
      system_key: system.system_key,
    };
    await upstream.post("alerts", [{ labels }, { labels: { ...labels, alertname: "DiskFull" } }]);
    const states = async () =>
      (await upstream.alerts())
        .filter((one) => one.labels["system_key"] === system.system_key)
        .map((one) => [one.labels["alertname"], one.status.state])
        .sort();
    const month = ahead(app, 30 * DAY);
    for (const by of ["pattern", "severity", "nothing"] as const)
      expect((await create(app, system, silenceOfDeadLink(month, by))).status).toBe(200);
    expect((await create(app, system, silenceOfDeadLink(month, "name"))).status).toBe(400);
    expect(await states()).toEqual([
      ["DiskFull", "suppressed"],
      ["LinkFailed", "active"],
    ]);
    expect((await create(app, system, silenceOfDeadLink(ahead(app, DAY - 60_000), "name"))).status).toBe(200);
    expect(await states()).toEqual([
      ["DiskFull", "suppressed"],
      ["LinkFailed", "suppressed"],
    ]);
  }, 60_000);

  test("what an appliance says of its own name and address opens nothing of another's", async () => {
    await using app = await openAlertsApp({ MIMIR_URL: upstream.url });
    const [victim, attacker] = [
      await app.addSystem("victim", { organization: "acme" }),
      await app.addSystem("attacker", { organization: "evil" }),
    ];
    const inventory = (system: TestSystem) =>
      app.request("POST", "/api/systems/inventory", {
        authorization: system.authorization,
        body: JSON.stringify({ fqdn: "fw.acme.example", ipv4_address: "192.0.2.10", os: { name: "NethSecurity" } }),
      });
    for (const system of [victim, attacker]) expect((await inventory(system)).status).toBe(200);
    await app.drain();
    await app.call(victim, "POST", "alerts", [alert({ alertname: "OfTheVictim" })]);
    await app.call(attacker, "POST", "alerts", [alert({ alertname: "OfTheAttacker" })]);
    await app.drain();
    const held = (await upstream.alerts()).filter((one) => one.labels["alertname"]?.startsWith("OfThe"));
    // The labels are there, the same on both: they tell people, and open nothing.
    expect(held.map((one) => one.labels["system_fqdn"])).toEqual(["fw.acme.example", "fw.acme.example"]);
    expect(held.map((one) => one.labels["organization_id"]).sort()).toEqual(["acme", "evil"]);
    const listed = await app.call<{ labels: Record<string, string> }[]>(
      attacker,
      "GET",
      `alerts?filter=system_fqdn%3D%22fw.acme.example%22`,
    );
    expect(listed.json.map((one) => one.labels["alertname"])).toEqual(["OfTheAttacker"]);
    await create(
      app,
      attacker,
      silence([matcher("system_fqdn", "fw.acme.example"), matcher("system_ipv4", "192.0.2.10")]),
    );
    const states = (await upstream.alerts()).filter((one) => one.labels["alertname"]?.startsWith("OfThe"));
    expect(states.map((one) => [one.labels["alertname"], one.status.state]).sort()).toEqual([
      ["OfTheAttacker", "suppressed"],
      ["OfTheVictim", "active"],
    ]);
    const { body } = await app.admin<{ alerts: { labels: Record<string, string> }[] }>(
      "GET",
      "/api/admin/alerts?organization=acme",
    );
    expect(body.data.alerts.map((one) => one.labels["alertname"]).filter((name) => name?.startsWith("OfThe"))).toEqual([
      "OfTheVictim",
    ]);
  }, 60_000);
});
