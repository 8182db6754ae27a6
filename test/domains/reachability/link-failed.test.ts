// Tests that silent systems fire LinkFailed, once for a whole site, until they are heard again.
import { describe, expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import type { Environment } from "../../../src/config/environment.ts";
import { hasAlertmanager, startAlertmanager } from "../../support/alertmanager.ts";
import type { TestSystem } from "../../support/app.ts";
import { openWatchedApp } from "../heartbeats/watched.ts";
import type { WatchedApp } from "../heartbeats/watched.ts";
import { startUpstream } from "../alerts/fixture.ts";

interface Sent {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
}

const MINUTE = 60_000;

/** A watched app whose Alertmanager is a notebook; five minutes between ticks. */
async function openLinks(env: Environment = {}) {
  const upstream = startUpstream(() => new Response(null, { status: 200 }));
  const app = await openWatchedApp({ MIMIR_URL: upstream.url, ...env });
  let ticks = 0;
  return {
    ...app,
    async beat(systems: TestSystem[]) {
      for (const { authorization } of systems) {
        const { status } = await app.request("POST", "/api/systems/heartbeat", { authorization });
        expect(status).toBe(200);
      }
      await app.app.runner.drain();
    },
    async addSystems(count: number, organization = "acme") {
      const systems: TestSystem[] = [];
      for (let index = 0; index < count; index += 1) systems.push(await app.addSystem(`s${index}`, { organization }));
      return systems;
    },
    /** Silence is judged, the link tick comes, and what follows is delivered. Returns what Alertmanager was sent. */
    async tick(): Promise<Sent[]> {
      await app.judge();
      upstream.asked.length = 0;
      // A tick's key is held: each is another multiple of the interval.
      await app.app.scheduler.tick("link-failed", new Date((ticks += 1) * 5 * MINUTE));
      await app.app.runner.drain();
      return sent();
    },
    sent,
    forget: () => void (upstream.asked.length = 0),
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      await upstream.stop();
    },
  };
  function sent(): Sent[] {
    return upstream.asked.flatMap((one) => JSON.parse(one.body) as Sent[]);
  }
}

const summary = (alerts: Sent[]) =>
  alerts.map(({ labels }) => `${labels["alertname"]} ${labels["system_name"] ?? labels["organization_id"]}`).sort();
const isOver = (app: WatchedApp, { endsAt }: Sent) => Date.parse(endsAt) <= app.clock.now().getTime();

test.each([
  ["1", "it may be silent for 1 minute.", "può tacere per 1 minuto."],
  ["2", "it may be silent for 2 minutes.", "può tacere per 2 minuti."],
])(
  "with a timeout of %s the text counts minutes as one says them",
  async (minutes, english, italian) => {
    await using app = await openLinks({ HEARTBEAT_TIMEOUT_MINUTES: minutes });
    const systems = await app.addSystems(1);
    await app.beat(systems);
    await app.watch(4 * MINUTE);
    const [sent] = await app.tick();
    expect(sent?.annotations["description_en"]).toEndWith(english);
    expect(sent?.annotations["description_it"]).toEndWith(italian);
  },
  60_000,
);

test("a system that fell silent fires with its labels, from when its time ran out, for two intervals", async () => {
  await using app = await openLinks();
  const [system] = await app.addSystems(1);
  if (!system) throw new Error("no system");
  await app.app.api.organizations.change(OWNER, "acme", { name: "Acme", type: "customer", vat: "IT1" });
  await app.beat([system]);
  const heardAt = app.clock.now().getTime();
  await app.watch(9 * MINUTE);
  expect(await app.tick()).toEqual([]);
  await app.watch(3 * MINUTE);
  const [alert, ...others] = await app.tick();
  expect(others).toEqual([]);
  expect(alert?.labels).toEqual({
    alertname: "LinkFailed",
    severity: "critical",
    managed_by: "my-collect",
    system_id: system.system_id,
    system_key: system.system_key,
    system_name: "s0",
    organization_id: "acme",
    organization_name: "Acme",
    organization_type: "customer",
    organization_vat: "IT1",
  });
  expect(alert?.startsAt).toBe(new Date(heardAt + 10 * MINUTE).toISOString());
  expect(alert?.endsAt).toBe(new Date(app.clock.now().getTime() + 10 * MINUTE).toISOString());
  expect(Object.keys(alert?.annotations ?? {}).sort()).toEqual([
    "description_en",
    "description_it",
    "summary_en",
    "summary_it",
  ]);
  expect(alert?.annotations["description_en"]).toContain(new Date(heardAt).toISOString());
}, 60_000);

test("a heartbeat resolves the alert at once, with the labels it started with, even after a rename", async () => {
  await using app = await openLinks();
  const systems = await app.addSystems(1);
  await app.beat(systems);
  await app.watch(12 * MINUTE);
  const [rang] = await app.tick();
  await app.database.query("update systems set name = 'renamed', fqdn = 'new.example.org', ipv4_address = '192.0.2.1'");
  const [again] = await app.tick();
  expect(again?.labels).toEqual(rang?.labels ?? {});
  app.forget();
  await app.beat(systems);
  const [over] = app.sent();
  expect(over?.labels).toEqual(rang?.labels ?? {});
  expect(over?.startsAt).toBe(rang?.startsAt ?? "");
  expect(over?.endsAt).toBe(app.clock.now().toISOString());
  expect(await app.tick()).toEqual([]);
}, 60_000);

test("suspended systems, systems of suspended organizations, and systems never heard do not fire", async () => {
  await using app = await openLinks();
  const [silent, suspended, gone] = await app.addSystems(3);
  const shut = await app.addSystems(1, "shut");
  await app.addSystems(1, "mute");
  if (!silent || !suspended || !gone) throw new Error("no systems");
  await app.beat([silent, suspended, gone, ...shut]);
  await app.app.api.systems.suspend(OWNER, suspended.system_key);
  await app.app.api.systems.erase(OWNER, gone.system_key);
  await app.app.api.organizations.suspend(OWNER, "shut");
  await app.watch(12 * MINUTE);
  expect(summary(await app.tick())).toEqual(["LinkFailed s0"]);
}, 60_000);

test("suspending a system resolves its alert; once resumed, it has a whole timeout to be heard", async () => {
  await using app = await openLinks();
  const [system] = await app.addSystems(1);
  if (!system) throw new Error("no system");
  await app.beat([system]);
  await app.watch(12 * MINUTE);
  expect((await app.tick()).length).toBe(1);
  await app.app.api.systems.suspend(OWNER, system.system_key);
  const [over] = await app.tick();
  expect(over && isOver(app, over)).toBe(true);
  await app.app.api.systems.resume(OWNER, system.system_key);
  expect(await app.tick()).toEqual([]);
  await app.watch(11 * MINUTE);
  expect((await app.tick()).length).toBe(1);
}, 60_000);

test("an organization that is resumed does not fire at once", async () => {
  await using app = await openLinks();
  const systems = await app.addSystems(2);
  await app.beat(systems);
  await app.app.api.organizations.suspend(OWNER, "acme");
  await app.watch(30 * MINUTE);
  await app.app.api.organizations.resume(OWNER, "acme");
  expect(await app.tick()).toEqual([]);
  await app.watch(11 * MINUTE);
  expect((await app.tick()).length).toBe(2);
}, 60_000);

test("ticks that do not fall on the interval do nothing", async () => {
  await using app = await openLinks({ LINKFAILED_INTERVAL: "5m" });
  await app.beat(await app.addSystems(1));
  await app.watch(12 * MINUTE);
  await app.judge();
  app.forget();
  await app.app.scheduler.tick("link-failed", new Date("2026-01-01T00:07:00Z"));
  await app.app.runner.drain();
  expect(app.sent()).toEqual([]);
}, 60_000);

test("a tick that became a dead letter is run again within a minute, and others follow", async () => {
  await using app = await openLinks();
  await app.beat(await app.addSystems(1));
  await app.watch(12 * MINUTE);
  const { queue } = app.app;
  await queue.push([{ queue: "muster:link-failures", lane: "link-failures", key: "tick", payload: "{}" }]);
  const [job] = await queue.claim(["muster:link-failures"], { count: 1, bytes: 1 }, 1_000);
  if (!job) throw new Error("no job");
  await queue.bury(job, "a fault");
  expect(summary(await app.tick())).toEqual(["LinkFailed s0"]);
  expect(summary(await app.tick())).toEqual(["LinkFailed s0"]);
}, 60_000);

describe("when a site goes silent", () => {
  test("one alert with the count fires for all, and none of them by itself", async () => {
    await using app = await openLinks();
    const systems = await app.addSystems(10);
    const others = await app.addSystems(10, "other");
    await app.beat([...systems, ...others]);
    await app.watch(6 * MINUTE);
    await app.beat([...systems.slice(0, 6), ...others.slice(0, 7)]);
    await app.watch(6 * MINUTE);
    const alerts = await app.tick();
    // The first few do not make a site yet.
    expect(summary(alerts)).toEqual(["s6", "s7", "s7", "s8", "s8", "s9", "s9"].map((name) => `LinkFailed ${name}`));
    await app.watch(6 * MINUTE);
    const later = await app.tick();
    const sites = later.filter((one) => one.labels["alertname"] === "SiteUnreachable");
    expect(summary(sites)).toEqual(["SiteUnreachable acme", "SiteUnreachable other"]);
    expect(sites.map((one) => one.annotations["summary_en"]).sort()).toEqual([
      "10 systems of acme cannot be reached",
      "10 systems of other cannot be reached",
    ]);
    const singles = later.filter((one) => one.labels["alertname"] === "LinkFailed");
    expect(singles.length).toBe(7);
    expect(singles.every((one) => isOver(app, one))).toBe(true);
  }, 60_000);

  test("when it is heard again as a whole, its one alert is resolved at once and nothing else fires", async () => {
    await using app = await openLinks();
    const systems = await app.addSystems(8);
    await app.beat(systems);
    await app.watch(12 * MINUTE);
    expect(summary(await app.tick())).toEqual(["SiteUnreachable acme"]);
    app.forget();
    await app.beat(systems);
    const ended = app.sent();
    expect(summary(ended)).toEqual(["SiteUnreachable acme"]);
    expect(isOver(app, ended[0] as Sent)).toBe(true);
    expect(await app.tick()).toEqual([]);
  }, 60_000);

  test("when half of it is heard again, the rest fires one by one", async () => {
    await using app = await openLinks();
    const systems = await app.addSystems(8);
    await app.beat(systems);
    await app.watch(12 * MINUTE);
    await app.tick();
    await app.beat(systems.slice(0, 5));
    expect(summary(await app.tick())).toEqual(["LinkFailed s5", "LinkFailed s6", "LinkFailed s7"]);
  }, 60_000);

  test("a system that falls silent meanwhile is counted and does not fire", async () => {
    await using app = await openLinks();
    const systems = await app.addSystems(10);
    await app.beat(systems);
    await app.watch(6 * MINUTE);
    await app.beat(systems.slice(9));
    await app.watch(6 * MINUTE);
    expect((await app.tick())[0]?.annotations["summary_en"]).toStartWith("9 systems");
    await app.watch(6 * MINUTE);
    const [site, ...singles] = await app.tick();
    expect([site?.annotations["summary_en"], singles]).toEqual(["10 systems of acme cannot be reached", []]);
  }, 60_000);

  test("few, or a small share of many, fire one by one", async () => {
    await using app = await openLinks({ SITE_UNREACHABLE_PERCENT: "50" });
    const few = await app.addSystems(4, "few");
    const many = await app.addSystems(12, "many");
    await app.beat([...few, ...many]);
    await app.watch(6 * MINUTE);
    await app.beat(many.slice(0, 6));
    await app.watch(6 * MINUTE);
    const alerts = await app.tick();
    expect(alerts.length).toBe(10);
    expect(alerts.every((one) => one.labels["alertname"] === "LinkFailed")).toBe(true);
  }, 60_000);

  test("the threshold is what is set", async () => {
    await using app = await openLinks({ SITE_UNREACHABLE_MINIMUM: "2", SITE_UNREACHABLE_PERCENT: "10" });
    await app.beat(await app.addSystems(2));
    await app.watch(12 * MINUTE);
    expect(summary(await app.tick())).toEqual(["SiteUnreachable acme"]);
  }, 60_000);
});

test.skipIf(!hasAlertmanager)(
  "a real Alertmanager has one alert from the silence to the heartbeat, through a rename",
  async () => {
    await using upstream = await startAlertmanager();
    await using app = await openWatchedApp(
      { MIMIR_URL: upstream.url },
      undefined,
      Date.now() - Date.parse("2026-01-01") - 12 * MINUTE,
    );
    const { authorization } = await app.addSystem("gone");
    const beat = () => app.request("POST", "/api/systems/heartbeat", { authorization });
    await beat();
    await app.watch(12 * MINUTE);
    for (const tick of [1, 2]) {
      await app.judge();
      await app.app.scheduler.tick("link-failed", new Date(tick * 5 * MINUTE));
      await app.app.runner.drain();
      const held = await upstream.alerts();
      expect(held.map((one) => [one.labels["alertname"], one.labels["system_name"]])).toEqual([["LinkFailed", "gone"]]);
      await app.database.query("update systems set name = 'renamed'");
    }
    await beat();
    await app.app.runner.drain();
    expect(await upstream.alerts()).toEqual([]);
  },
  60_000,
);
