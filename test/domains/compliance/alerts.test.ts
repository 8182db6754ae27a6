// Checks findings on versions, advisories and new systems, from the inventory that shows one to the inventory that does not.
import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import type { Readiness } from "../../../src/http/operations.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";
import { backendsOf, cpuSpent } from "../../support/cpu.ts";
import {
  advisory,
  alertsOf,
  causesOf,
  countAlerts,
  firewall,
  insertFleet,
  post,
  review,
  rulesFile,
} from "./fixture.ts";

describe("a required version", () => {
  test("opens one alert for a system that is behind, rewords it, and resolves it once it is not", async () => {
    const rules = rulesFile({ versions: [{ product: "nsec", minimum: "8.6.0", severity: "high" }] });
    await using muster = await openTestApp(rules.env);
    const system = await muster.addSystem();
    await review(muster);
    await post(muster, system, firewall("8.4.0"));
    const [first] = await alertsOf(muster);
    expect(first).toMatchObject({
      alert_type: "version",
      cause: "nsec",
      severity: "high",
      system_key: system.system_key,
    });
    await post(muster, system, firewall("8.5.0", { uptime_seconds: 1 }));
    const again = await alertsOf(muster);
    expect(again).toHaveLength(1);
    expect(again[0]).toMatchObject({ id: first?.id, message: "nsec 8.5.0 is behind the required version 8.6.0" });
    await post(muster, system, firewall("8.6.0"));
    expect(await alertsOf(muster)).toEqual([]);
    expect(await alertsOf(muster, "open=false&type=version")).toMatchObject([
      { id: first?.id, resolution: "cause_gone" },
    ]);
    await post(muster, system, firewall("8.5.0"));
    const [reopened] = await alertsOf(muster);
    expect(reopened?.id).not.toBe(first?.id ?? "");
  }, 240_000);

  test("that is the fleet's most common one moves with the fleet", async () => {
    const rules = rulesFile({ versions: [{ product: "nsec", minimum: "most_common" }] });
    await using muster = await openTestApp(rules.env);
    const systems = [await muster.addSystem("a"), await muster.addSystem("b"), await muster.addSystem("c")];
    const [a, b, c] = systems;
    if (!a || !b || !c) throw new Error("three systems");
    await post(muster, a, firewall("8.5.0"));
    await post(muster, b, firewall("8.5.0"));
    await post(muster, c, firewall("8.6.0"));
    await review(muster);
    expect(await alertsOf(muster)).toEqual([]);
    await post(muster, b, firewall("8.6.0"));
    await review(muster);
    expect(await alertsOf(muster)).toMatchObject([{ system_key: a.system_key, severity: "medium" }]);
    await post(muster, a, firewall("8.6.0"));
    expect(await alertsOf(muster)).toEqual([]);
  }, 240_000);
});

describe("an advisory", () => {
  test("opens an alert for what it affects and resolves it with the fix; partial inventories hide nothing", async () => {
    const rules = rulesFile({
      advisories: [advisory("CVE-1", "5.2.0", "module/webtop"), advisory("CVE-2", "6.1.0-38", "kernel")],
    });
    await using muster = await openTestApp(rules.env);
    const system = await muster.addSystem();
    const cluster = (webtop: string, extra: Record<string, unknown> = {}) => ({
      installation: "nethserver",
      facts: {
        cluster: { leader_node_id: "1" },
        nodes: {
          "1": {
            cluster_leader: true,
            version: "3.18.2",
            kernel_version: "6.1.0-37-amd64",
            distro: { name: "Debian", version: "12" },
          },
        },
        modules: [{ id: "webtop1", module: "webtop", name: "webtop", node: "1", version: webtop }],
        ...extra,
      },
    });
    await review(muster);
    await post(muster, system, cluster("5.1.0"));
    expect(await causesOf(muster)).toEqual(["CVE-1 module/webtop", "CVE-2 kernel"]);
    await post(muster, system, cluster("5.1.0", { nodes: {}, cluster: null }));
    expect(await causesOf(muster)).toEqual(["CVE-1 module/webtop", "CVE-2 kernel"]);
    await post(muster, system, cluster("5.2.0"));
    expect(await causesOf(muster)).toEqual(["CVE-2 kernel"]);
  }, 240_000);

  test("that an operator accepted stays so while it holds, and opens anew after it was gone", async () => {
    const rules = rulesFile({ advisories: [advisory("CVE-1", "8.6.0")] });
    await using muster = await openTestApp(rules.env);
    const system = await muster.addSystem();
    await review(muster);
    await post(muster, system, firewall("8.5.0"));
    const [open] = await alertsOf(muster);
    const path = `/api/admin/inventory/alerts/${open?.id}/resolve`;
    expect((await muster.admin("POST", path)).body.data).toMatchObject({ is_resolved: true, resolution: "accepted" });
    expect((await muster.admin("POST", path)).status).toBe(200);
    await post(muster, system, firewall("8.5.1"));
    expect(await alertsOf(muster)).toEqual([]);
    await post(muster, system, firewall("8.6.0"));
    expect(await alertsOf(muster, "type=advisory")).toMatchObject([{ resolution: "operator" }]);
    await post(muster, system, firewall("8.5.0"));
    expect(await causesOf(muster)).toEqual(["CVE-1 nsec"]);
  }, 240_000);
});

describe("a new system", () => {
  const on = { new_system: { enabled: true, severity: "low", resolve_after_days: 7 } };

  test("raises one alert when it registers after the rule was turned on, until an operator has seen it", async () => {
    await using muster = await openTestApp(rulesFile(on).env);
    await muster.addSystem("there before");
    await muster.clock.advance(3_600_000);
    await review(muster);
    await muster.clock.advance(1_000);
    const late = await muster.addSystem("late");
    await muster.addSystem("waiting", { registered: false });
    await review(muster);
    await review(muster);
    const open = await alertsOf(muster, "type=new_system");
    expect(open).toMatchObject([{ system_key: late.system_key, severity: "low", is_resolved: false }]);
    await muster.admin("POST", `/api/admin/inventory/alerts/${open[0]?.id}/resolve`);
    await review(muster);
    expect(await alertsOf(muster, "type=new_system")).toMatchObject([{ id: open[0]?.id, resolution: "operator" }]);
  }, 240_000);

  test("ends by itself after days, or with its registration", async () => {
    await using muster = await openTestApp(rulesFile(on).env);
    await review(muster);
    await muster.clock.advance(1_000);
    const [left] = [await muster.addSystem("leaves"), await muster.addSystem("stays")];
    await review(muster);
    expect(await alertsOf(muster, "type=new_system&open=true")).toHaveLength(2);
    await muster.request("POST", "/api/systems/unregister", { authorization: left.authorization });
    await review(muster);
    expect(await alertsOf(muster, "type=new_system&open=false")).toMatchObject([{ resolution: "cause_gone" }]);
    await muster.clock.advance(8 * 86_400_000);
    await review(muster);
    expect(await alertsOf(muster, "type=new_system&open=true")).toEqual([]);
  }, 240_000);
});

describe("the rules file", () => {
  test("is read again when it changes, and every system is judged by it, without a restart", async () => {
    const rules = rulesFile({});
    await using muster = await openTestApp(rules.env);
    const system = await muster.addSystem();
    await post(muster, system, firewall("8.5.0"));
    await review(muster);
    expect(await alertsOf(muster)).toEqual([]);
    rules.write([advisory("CVE-1", "8.6.0"), advisory("CVE-2", "8.5.0")], "advisories.json");
    rules.write({ versions: [{ product: "nsec", minimum: "8.6.0" }], advisories: "advisories.json" });
    await review(muster);
    expect(await causesOf(muster)).toEqual(["CVE-1 nsec", "nsec"]);
    rules.write([advisory("CVE-3", "8.6.0")], "advisories.json");
    await review(muster);
    expect(await causesOf(muster)).toEqual(["CVE-3 nsec", "nsec"]);
    rules.write({});
    await review(muster);
    expect(await alertsOf(muster)).toEqual([]);
    expect(muster.logged.filter((line) => line.includes("were read again"))).toHaveLength(3);
  }, 240_000);

  test("with faults leaves the old one in force; all faults are named once, and in /ready", async () => {
    const rules = rulesFile({ versions: [{ product: "nsec", minimum: "8.6.0" }] });
    await using muster = await openTestApp(rules.env);
    const system = await muster.addSystem();
    await review(muster);
    await post(muster, system, firewall("8.5.0"));
    rules.write([{ ...advisory("CVE-1", "soon") }, { id: 5 }], "bad.json");
    rules.write({
      versions: [{ product: "nsec", minimum: "newest" }],
      advisories: "bad.json",
      notify: "everything",
      new_systems: {},
    });
    await review(muster);
    await review(muster);
    expect(await causesOf(muster)).toEqual(["nsec"]);
    const lines = muster.logged.filter((line) => line.includes("stay as they were"));
    expect(lines).toHaveLength(1);
    const ready = await muster.app.handleOperations(new Request("http://localhost/ready"));
    expect(ready.status).toBe(200);
    const { data } = (await ready.json()) as { data: Readiness };
    expect(data.status).toBe("degraded");
    for (const text of [lines[0], data.checks["inventory rules"]?.reason, await faultOf(muster)]) {
      expect(text).toContain('/versions/0/minimum: "newest", expected a version or "most_common"');
      expect(text).toContain('bad.json: /0/affected/0/fixed: "soon", expected a version');
      expect(text).toContain("bad.json: /1/id: 5, expected a text");
      expect(text).toContain("bad.json: /1/product: missing");
      expect(text).toContain('/notify: "everything", expected a list');
      expect(text).toContain("/new_systems: {}, expected no such key");
    }
    rules.write("{");
    await review(muster);
    expect(await faultOf(muster)).toContain("not JSON");
    rmSync(rules.path);
    await review(muster);
    expect(await faultOf(muster)).toContain("cannot be read");
    rules.write({});
    await review(muster);
    expect(await faultOf(muster)).toBeUndefined();
    expect(await alertsOf(muster)).toEqual([]);
  }, 240_000);

  test("with faults stops the start, in words", async () => {
    const rules = rulesFile({ advisories: [{ ...advisory("CVE-1", "x"), severity: "red" }, advisory("CVE-2", "x")] });
    const failure = await openTestApp(rules.env).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(failure?.message).toContain('/advisories/0/severity: "red", expected one of low, medium, high, critical');
    expect(failure?.message).toContain('/advisories/1/affected/0/fixed: "x", expected a version');
  }, 240_000);
});

describe("two gateways on one database", () => {
  test("that review and judge at once make no second alert", async () => {
    const rules = rulesFile({ advisories: [advisory("CVE-1", "8.6.0")] });
    await using first = await openTestApp(rules.env);
    await using second = await openTestApp(rules.env, { url: first.databaseUrl, database: first.database });
    const systems = await Promise.all(Array.from({ length: 15 }, (_, at) => first.addSystem(`s${at}`)));
    for (const system of systems) await post(first, system, firewall("8.5.0"));
    for (let round = 0; round < 5; round += 1) {
      rules.write({ advisories: [advisory("CVE-1", "8.6.0"), advisory(`CVE-${round + 2}`, "9.0")] });
      const bodies = systems.map((system) => JSON.stringify(firewall("8.5.0", { tag: `${round}` }))).entries();
      for (const [at, body] of bodies) {
        const authorization = systems[at]?.authorization ?? "";
        await (at % 2 === 0 ? first : second).request("POST", "/api/systems/inventory", { authorization, body });
      }
      await Promise.all([review(first), review(second)]);
    }
    await review(first);
    const open = await alertsOf(first);
    expect(open).toHaveLength(30);
    expect(new Set(open.map((one) => `${one.system_key} ${one.cause}`)).size).toBe(30);
    expect(new Set(open.map((one) => one.cause))).toEqual(new Set(["CVE-1 nsec", "CVE-6 nsec"]));
    // CVE-1 held throughout: each system has had one alert for it, ever.
    expect(await countAlerts(first, "CVE-1 nsec")).toBe(15);
  }, 240_000);

  test("one of which still has an old file does not judge by it", async () => {
    const [old, fresh] = [rulesFile({}), rulesFile({ advisories: [advisory("CVE-1", "8.6.0")] })];
    await using behind = await openTestApp(old.env);
    await using ahead = await openTestApp(fresh.env, { url: behind.databaseUrl, database: behind.database });
    const system = await behind.addSystem();
    await review(ahead);
    await post(behind, system, firewall("8.5.0"));
    await review(ahead);
    expect(await causesOf(ahead)).toEqual(["CVE-1 nsec"]);
    await post(behind, system, firewall("8.5.1"));
    expect(await causesOf(ahead)).toEqual(["CVE-1 nsec"]);
  }, 240_000);
});

test("a sweep that was killed in the middle is taken up where it was, and its alerts are the same", async () => {
  const rules = rulesFile({ advisories: [advisory("CVE-1", "8.6.0")] });
  await using muster = await openTestApp(rules.env);
  await insertFleet(muster, 1_000);
  await muster.clock.advance(60_000);
  await muster.app.scheduler.tick("alert-review", muster.clock.now());
  const claim = async () =>
    (await muster.app.queue.claim(["muster:alert-review", "muster:alert-sweep"], { count: 1, bytes: 1e6 }, 1_000))[0];
  const reviewing = await claim();
  expect(reviewing?.queue).toBe("muster:alert-review");
  // Nobody settles it: as if the process had been killed. Its lease runs out.
  await muster.clock.advance(3_700_000);
  await review(muster);
  expect(await alertsOf(muster)).toHaveLength(1_000);
  // Half of the fleet as if another sweep had been cut off.
  await muster.database.query(
    `with half as (select system_id from system_products order by system_id limit 500), gone as (
       delete from inventory_alerts where system_id in (select system_id from half))
     update system_products set review = 0 where system_id in (select system_id from half)`,
  );
  await review(muster);
  expect(await alertsOf(muster)).toHaveLength(1_000);
  expect(await countAlerts(muster)).toBe(1_000);
}, 240_000);

test("5,000 new advisories reach 1,000 systems for little work", async () => {
  const rules = rulesFile({});
  await using muster = await openTestApp(rules.env);
  await insertFleet(muster, 1_000);
  await review(muster);
  const others = Array.from({ length: 4_998 }, (_, at) =>
    advisory(`CVE-${at}`, `8.${at % 5}.0`, at % 2 ? "nsec" : `module/m${at % 50}`),
  );
  rules.write({ advisories: [...others, advisory("CVE-A", "8.6.0"), advisory("CVE-B", "6.7", "kernel")] });
  const pids = [process.pid, ...(await backendsOf(muster.database))];
  const before = cpuSpent(pids);
  await review(muster);
  expect(cpuSpent(pids) - before).toBeLessThan(5_000);
  expect(await countAlerts(muster)).toBe(2_000);
}, 240_000);

test("inventories that came before an upgrade are looked at too", async () => {
  const rules = rulesFile({ advisories: [advisory("CVE-1", "8.6.0"), advisory("CVE-2", "6.7", "kernel")] });
  await using muster = await openTestApp(rules.env);
  const systems = [await muster.addSystem("a"), await muster.addSystem("b"), await muster.addSystem("silent")];
  for (const system of systems.slice(0, 2)) await post(muster, system, firewall("8.5.0"));
  await muster.database.query("delete from system_products");
  await review(muster);
  await review(muster);
  expect(await causesOf(muster)).toEqual(["CVE-1 nsec", "CVE-1 nsec", "CVE-2 kernel", "CVE-2 kernel"]);
  expect(await muster.database.query("select listed_to from alert_review")).toEqual([{ listed_to: null }]);
}, 240_000);

test("erasing a system takes its alerts and products along", async () => {
  const rules = rulesFile({ advisories: [advisory("CVE-1", "8.6.0")] });
  await using muster = await openTestApp(rules.env);
  const system = await muster.addSystem();
  await review(muster);
  await post(muster, system, firewall("8.5.0"));
  expect(await alertsOf(muster)).toHaveLength(1);
  expect((await muster.admin("DELETE", `/api/admin/systems/${system.system_key}`)).status).toBe(200);
  expect(await alertsOf(muster)).toEqual([]);
  expect(await muster.database.query("select from system_products")).toEqual([]);
}, 240_000);

/** What `muster doctor` says of the rules file. */
const faultOf = async ({ app }: TestApp) =>
  (await app.about.examine()).find(({ name }) => name === "inventory rules")?.reason;
