// Tests on a real Alertmanager that each appliance sees and silences only its own alerts.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { hasAlertmanager, startAlertmanager } from "../../support/alertmanager.ts";
import type { TestAlertmanager } from "../../support/alertmanager.ts";
import type { TestSystem } from "../../support/app.ts";
import { alert, matcher, openAlertsApp, silence } from "./fixture.ts";
import type { AlertsApp } from "./fixture.ts";
import amtoolSilence from "./payloads/silence-create-amtool.json";

describe.skipIf(!hasAlertmanager)("below /services/mimir/alertmanager/api/v2", () => {
  let upstream: TestAlertmanager;
  let app: AlertsApp;
  let ours: TestSystem;
  let other: TestSystem;
  beforeAll(async () => {
    upstream = await startAlertmanager();
    app = await openAlertsApp({ MIMIR_URL: upstream.url, ALERTS_FORWARD: "direct" });
    ours = await app.addSystem("ours", { organization: "acme" });
    other = await app.addSystem("other", { organization: "acme" });
  }, 60_000);
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  }, 60_000);

  type Listed = { labels: Record<string, string>; annotations: Record<string, string> }[];
  const post = (system: TestSystem, body: unknown) => app.call(system, "POST", "alerts", body);
  const list = async (system: TestSystem, query = "") => (await app.call<Listed>(system, "GET", `alerts${query}`)).json;
  const silencesOf = async (system: TestSystem) =>
    (await app.call<{ id: string; status: { state: string } }[]>(system, "GET", "silences")).json;
  const create = async (system: TestSystem, body: unknown) =>
    app.call<{ silenceID: string }>(system, "POST", "silences", body);

  test("a posted alert is answered with 200 and nothing, and only its own machine sees it", async () => {
    const answer = await post(ours, [
      alert({ alertname: "OnlyOurs" }, { annotations: { summary: "{{.system_name}}!" } }),
    ]);
    expect([answer.status, answer.text]).toEqual([200, ""]);
    expect((await list(ours)).map(({ annotations }) => annotations)).toEqual([{ summary: "ours!" }]);
    expect(await list(other)).toEqual([]);
  }, 60_000);

  const FORGED = "NOC-0000";
  test.each([
    ["plainly", `"system_key":"${FORGED}"`],
    ["twice", `"system_key":"${FORGED}","system_key":"${FORGED}"`],
    ["with an escaped name", `"system\\u005fkey":"${FORGED}"`],
    [
      "for every label that is ours",
      ["system_id", "system_name", "organization_id", "system_type", "organization_vat"]
        .map((name) => `"${name}":"${FORGED}"`)
        .join(","),
    ],
    ["in capitals, which is another label", `"System_Key":"${FORGED}"`],
  ])(
    "labels forged %s come out as the machine's own",
    async (how, labels) => {
      const alertname = `Forged${how.length}`;
      const { status } = await post(ours, `[{"labels":{"alertname":"${alertname}",${labels}}}]`);
      expect(status).toBe(200);
      const held = (await upstream.alerts()).find((one) => one.labels["alertname"] === alertname);
      const { System_Key: _, ...rest } = held?.labels ?? {};
      expect(rest).toEqual({
        alertname,
        system_id: ours.system_id,
        system_key: ours.system_key,
        system_name: "ours",
        organization_id: "acme",
      });
    },
    60_000,
  );

  test.each([
    ["labels in capitals", `[{"Labels":{"alertname":"X"},"labels":{"alertname":"CapitalLabels"}}]`, "CapitalLabels"],
    [
      "labels given twice",
      `[{"labels":{"alertname":"X","system_key":"${FORGED}"},"labels":{"alertname":"TwiceLabels"}}]`,
      "TwiceLabels",
    ],
    ["a name given twice", `[{"labels":{"alertname":"X","alertgroup":"g","alertname":"TwiceName"}}]`, "TwiceName"],
  ])(
    "of %s the last that is known counts",
    async (_how, body, alertname) => {
      expect((await post(ours, body)).status).toBe(200);
      expect((await list(ours)).map((one) => one.labels["alertname"])).toContain(alertname);
      expect((await upstream.alerts()).some((one) => one.labels["alertname"] === "X")).toBe(false);
    },
    60_000,
  );

  test("filters of a machine narrow what it sees, and never widen it", async () => {
    await post(ours, [alert({ alertname: "Narrow", a: "1" }), alert({ alertname: "Narrow", a: "2" })]);
    await post(other, [alert({ alertname: "Narrow", a: "1" })]);
    const names = async (query: string) =>
      (await list(ours, query)).map((one) => [one.labels["system_key"], one.labels["a"]]).sort();
    expect(await names("?filter=a%3D%221%22&filter=alertname%3D%22Narrow%22")).toEqual([[ours.system_key, "1"]]);
    expect(await names(`?filter=system_key%3D~%22.*%22&filter=alertname%3DNarrow`)).toEqual([
      [ours.system_key, "1"],
      [ours.system_key, "2"],
    ]);
    expect(await names(`?filter=system_key%3D%22${other.system_key}%22`)).toEqual([]);
    expect((await list(ours, "?active=false&silenced=false")).length).toBe(0);
  }, 60_000);

  test.each([
    ["?filter=%7Bbroken", 400],
    ["?active=maybe", 400],
  ])(
    "a query like %s is a 400 in a JSON string",
    async (query, status) => {
      const answer = await app.call(ours, "GET", `alerts${query}`);
      expect(answer.status).toBe(status);
      expect(typeof answer.json).toBe("string");
    },
    60_000,
  );

  test("a silence covers its own machine alone, whatever it says of system keys", async () => {
    await post(ours, [alert({ alertname: "Silenced" })]);
    await post(other, [alert({ alertname: "Silenced" })]);
    const created = await create(
      ours,
      silence([
        matcher("alertname", "Silenced"),
        matcher("system_key", other.system_key),
        matcher("system_key", ".*", { isRegex: true }),
        matcher("system_key", "x", { isEqual: false }),
      ]),
    );
    expect([created.status, typeof created.json.silenceID]).toEqual([200, "string"]);
    const held = (await upstream.silences()).find((one) => one.id === created.json.silenceID);
    expect(held?.matchers).toEqual([
      { name: "alertname", value: "Silenced", isRegex: false, isEqual: true },
      { name: "system_key", value: ours.system_key, isRegex: false, isEqual: true },
    ]);
    const states = (await upstream.alerts()).filter((one) => one.labels["alertname"] === "Silenced");
    expect(states.map((one) => [one.labels["system_name"], one.status.state]).sort()).toEqual([
      ["other", "active"],
      ["ours", "suppressed"],
    ]);
  }, 60_000);

  test("amtool's own silence is taken, with matchers that are patterns", async () => {
    const endsAt = new Date(Date.now() + 3_600_000).toISOString();
    const { status } = await create(ours, { ...amtoolSilence, startsAt: new Date().toISOString(), endsAt });
    expect(status).toBe(200);
  }, 60_000);

  test("somebody else's silence looks as if it were not there, and the attempt is noted", async () => {
    const { json } = await create(ours, silence([matcher("alertname", "Mine")]));
    const id = json.silenceID;
    const before = app.logged.length;
    for (const path of [`silence/${id}`, `silences/${id}`]) {
      expect((await app.call(ours, "GET", path)).status).toBe(200);
      for (const method of ["GET", "DELETE"]) {
        const answer = await app.call(other, method, path);
        expect([answer.status, answer.json]).toEqual([404, `silence ${id} not found`]);
      }
    }
    const stolen = await create(other, silence([matcher("alertname", "Mine")], { id }));
    expect(stolen.status).toBe(404);
    expect(await silencesOf(other)).toEqual([]);
    const noted = app.logged
      .slice(before)
      .filter((line) => line.includes("not its own") && line.includes(other.system_key));
    expect(noted.length).toBe(5);
    expect(noted.join()).toContain(id);
    expect((await silencesOf(ours)).some((one) => one.id === id && one.status.state === "active")).toBe(true);
  }, 60_000);

  test("a silence that is not there is a 404 in a JSON string, and not an attempt", async () => {
    const before = app.logged.length;
    const id = "00000000-0000-4000-8000-000000000000";
    const answer = await app.call(ours, "GET", `silence/${id}`);
    expect([answer.status, answer.json]).toEqual([404, `silence ${id} not found`]);
    expect(app.logged.slice(before).filter((line) => line.includes("not its own"))).toEqual([]);
  }, 60_000);

  test("a silence whose matcher on the key is a pattern is nobody's", async () => {
    const response = await upstream.post(
      "silences",
      silence([matcher("system_key", `${ours.system_key}|${other.system_key}`, { isRegex: true })]),
    );
    const { silenceID } = (await response.json()) as { silenceID: string };
    for (const system of [ours, other]) {
      expect((await app.call(system, "GET", `silence/${silenceID}`)).status).toBe(404);
      expect((await silencesOf(system)).some((one) => one.id === silenceID)).toBe(false);
    }
    await fetch(`${upstream.url}/alertmanager/api/v2/silence/${silenceID}`, { method: "DELETE" });
  }, 60_000);

  test("its own silence can be changed and ended by both paths", async () => {
    const first = (await create(ours, silence([matcher("alertname", "Changing")]))).json.silenceID;
    const changed = await create(ours, silence([matcher("alertname", "Changing")], { id: first, comment: "longer" }));
    expect([changed.status, changed.json.silenceID]).toEqual([200, first]);
    expect([(await app.call(ours, "DELETE", `silence/${first}`)).status]).toEqual([200]);
    const second = (await create(ours, silence([matcher("alertname", "Changing")]))).json.silenceID;
    const ended = await app.call(ours, "DELETE", `silences/${second}`);
    expect([ended.status, ended.text]).toEqual([200, ""]);
    expect((await silencesOf(ours)).find((one) => one.id === second)?.status.state).toBe("expired");
  }, 60_000);

  test.each([
    ["", "not JSON: it is empty"],
    ["[]", "it must be an object"],
    ["nonsense", "not JSON"],
    [silence([]), "matchers must be an array with at least one matcher, got []"],
    [silence(undefined), "matchers must be an array"],
    [silence([{ value: "x" }]), "matchers[0].name must be a label's name, got nothing"],
    [silence([matcher("a b", "x")]), 'matchers[0].name must be a label\'s name, got "a b"'],
    [silence([matcher("a", "x", { isRegex: "yes" })]), "matchers[0].isRegex must be true or false"],
    [silence([matcher("a", "x")], { id: "../alerts" }), 'id must be a UUID, got "../alerts"'],
    [silence([matcher("a", "x")], { endsAt: "tomorrow" }), 'endsAt must be a date and time, got "tomorrow"'],
    [silence([matcher("a", "x")], { endsAt: "2020-01-01T00:00:00Z" }), ""],
    [silence([matcher("a", "(", { isRegex: true })]), ""],
  ])(
    "refuses the silence %j with 400 in a JSON string",
    async (body, sentence) => {
      const answer = await create(ours, body);
      expect(answer.status).toBe(400);
      expect(answer.json as unknown).toContain(sentence);
    },
    60_000,
  );

  test.each(["..%2Falerts", "x%3Fy", "%2e%2e", "1", "00000000-0000-4000-8000-00000000000g"])(
    "an id such as %s never reaches Alertmanager",
    async (id) => {
      const answer = await app.call(ours, "DELETE", `silence/${id}`);
      expect([400, 404]).toContain(answer.status);
      expect(typeof answer.json).toBe("string");
    },
    60_000,
  );

  test("the status says what amtool needs and nothing of the configuration", async () => {
    const { status, json } = await app.call<Record<string, Record<string, unknown>>>(ours, "GET", "status");
    expect(status).toBe(200);
    expect(json["config"]).toEqual({ original: "" });
    expect(json["cluster"]).toEqual({ status: "ready", peers: [] });
    expect(json["versionInfo"]?.["version"]).toMatch(/^\d/);
  }, 60_000);

  test("who is not known gets a 401 in a JSON string, with the challenge", async () => {
    const { status, headers, text } = await app.request("GET", "/api/services/mimir/alertmanager/api/v2/alerts");
    expect([status, text]).toEqual([401, '"authentication required"']);
    expect(headers.get("www-authenticate")).toContain("Basic");
  }, 60_000);

  test("a direct post gets Alertmanager's own refusal", async () => {
    const answer = await post(ours, [alert({ alertname: "Bad" }, { annotations: { "a-b": "x" } })]);
    expect(answer.status).toBe(400);
    expect(answer.json).toContain("annotations");
  }, 60_000);

  test("amtool lists, adds and ends through Muster", async () => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => app.app.handle(request) });
    try {
      const url = `http://${ours.system_key}:${ours.system_secret}@127.0.0.1:${server.port}/collect/api/services/mimir/alertmanager`;
      const amtool = async (...args: string[]) => {
        const child = Bun.spawn(["amtool", `--alertmanager.url=${url}`, ...args], { stdout: "pipe", stderr: "pipe" });
        const [out, errors, code] = await Promise.all([
          new Response(child.stdout).text(),
          new Response(child.stderr).text(),
          child.exited,
        ]);
        expect([code, errors]).toEqual([0, ""]);
        return out;
      };
      await amtool("alert", "add", "FromAmtool", "severity=warning");
      expect(await amtool("alert", "query", "FromAmtool")).toContain("FromAmtool");
      const id = (await amtool("silence", "add", "FromAmtool", "--comment=x", "--author=me")).trim();
      expect(await amtool("silence", "query")).toContain(id);
      await amtool("silence", "expire", id);
      expect(await amtool("silence", "query")).not.toContain(id);
    } finally {
      await server.stop(true);
    }
  }, 60_000);
});

test("without MIMIR_URL every route says so with 503, to whom it knows", async () => {
  await using app = await openAlertsApp({});
  const system = await app.addSystem();
  const answer = await app.call(system, "GET", "alerts");
  expect([answer.status, answer.json]).toEqual([503, "Alertmanager is not configured: MIMIR_URL is not set."]);
  expect((await app.admin("GET", "/api/admin/alerts")).status).toBe(503);
  expect((await app.request("GET", "/api/services/mimir/alertmanager/api/v2/alerts")).status).toBe(401);
}, 60_000);
