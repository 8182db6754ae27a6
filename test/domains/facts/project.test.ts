// Checks that the facts of each system's newest inventory stay true, whatever is sent, in whatever order, and erased.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openTestApp } from "../../support/app.ts";
import type { TestApp, TestSystem } from "../../support/app.ts";
import { findUntruths, firewall, postInventory, sendInventory } from "../../support/facts.ts";
import { seeded } from "../../support/random.ts";
import { temporaryDirectory } from "../../support/run.ts";

const FIXTURES = join(import.meta.dir, "../../support/fixtures/inventories");
const fixture = (name: string) => Bun.file(join(FIXTURES, `${name}.json`)).text();

let muster: TestApp;
beforeAll(async () => {
  muster = await openTestApp({ REGISTER_RATE_PER_MINUTE: "1000" });
}, 240_000);
afterAll(() => muster[Symbol.asyncDispose](), 60_000);

const find = async (q: string) => {
  const { body } = await muster.admin<{ systems: { name: string }[] }>(
    "GET",
    `/api/admin/inventory/query?limit=200&q=${encodeURIComponent(q)}`,
  );
  return body.data.systems.map((system) => system.name).sort();
};

describe("what is found of a system", () => {
  test("is what its newest inventory says", async () => {
    const system = await muster.addSystem("Changing");
    await sendInventory(muster, system, firewall({ distro: { version: "8.1" }, tags: ["a", "b", "a"], gone: 1 }));
    expect(await find("facts.distro.version = 8.1 and facts.tags[] = a and facts.gone = 1")).toEqual(["Changing"]);
    await sendInventory(muster, system, firewall({ distro: { version: "8.2" }, tags: ["b", "c"], come: true }));
    expect(await find("facts.distro.version = 8.2 and facts.tags[] = c and facts.come = true")).toEqual(["Changing"]);
    for (const old of ["facts.distro.version = 8.1", "facts.tags[] = a", "facts.gone exists"])
      expect(await find(old)).toEqual([]);
    expect(await findUntruths(muster)).toEqual([]);
  }, 240_000);

  test("leaves out noise", async () => {
    const system = await muster.addSystem("Noisy");
    await sendInventory(
      muster,
      system,
      firewall({ uptime_seconds: 5, quiet: 1, memory: { system: { used_bytes: 7 } } }),
    );
    expect(await find("facts.quiet = 1")).toEqual(["Noisy"]);
    expect(await find("facts.uptime_seconds exists")).toEqual([]);
    expect(await find("facts.memory exists")).toEqual([]);
  }, 240_000);

  test("is by the rules in force, of which changed ones hold from the next changed inventory on", async () => {
    const rules = (significance: object[]) => JSON.stringify({ significance });
    const never = (path: string) => ({ path, significance: "never" });
    const path = join(temporaryDirectory("rules"), "rules.json");
    writeFileSync(path, rules([never("facts.moving")]));
    await using own = await openTestApp({ INVENTORY_RULES_FILE: path });
    const system = await own.addSystem("Ruled");
    const held = async () => {
      const rows = await own.database.query<{ path: string }>(
        `select p.path from fleet_holders h join fleet_paths p on p.id = h.path_id where p.path like 'facts.%' order by 1`,
      );
      return rows.map((row) => row.path);
    };
    await sendInventory(own, system, firewall({ moving: 1, still: 1 }));
    expect(await held()).toEqual(["facts.still"]);
    writeFileSync(path, rules([never("facts.still")]));
    await own.clock.advance(2_000);
    await sendInventory(own, system, firewall({ moving: 2, still: 1 }));
    expect(await held()).toEqual(["facts.moving"]);
  }, 240_000);

  test("is the newest of two documents received in one millisecond", async () => {
    const system = await muster.addSystem("Twice");
    await postInventory(muster, system, firewall({ marker: "first" }));
    await postInventory(muster, system, firewall({ marker: "second" }));
    await muster.clock.advance(1000);
    await muster.app.runner.drain();
    expect(await find("facts.marker = second")).toEqual(["Twice"]);
    expect(await find("facts.marker = first")).toEqual([]);
  }, 240_000);

  test("of 200,000 keys is the first 20,000, and the next document is kept as usual", async () => {
    const system = await muster.addSystem("Vast");
    const keys = Object.fromEntries(Array.from({ length: 200_000 }, (_, at) => [`key${at}`, at % 10]));
    await sendInventory(muster, system, firewall(keys));
    expect(await find("facts.key0 = 0 and facts.key10000 = 0")).toEqual(["Vast"]);
    expect(
      await muster.database.query("select truncated, length(facts) as bytes from fleet_systems where truncated"),
    ).toEqual([{ truncated: true, bytes: 160_000 }]);
    await sendInventory(muster, system, firewall({ small: 1 }));
    expect(await find("facts.small = 1")).toEqual(["Vast"]);
    expect(await find("facts.key0 exists")).toEqual([]);
    expect(await findUntruths(muster)).toEqual([]);
  }, 240_000);
});

test("real inventories that evolve for 12 rounds leave nothing untrue", async () => {
  const random = seeded(11);
  const texts = await Promise.all(
    ["ns8-inventory", "ns8-inventory-after-30-steps", "nsec-inventory", "nsec-inventory-after-30-steps"].map(fixture),
  );
  const systems: TestSystem[] = [];
  for (let at = 0; at < 8; at++) systems.push(await muster.addSystem(`Evolving ${at}`));
  for (let round = 0; round < 12; round++) {
    for (const [at, system] of systems.entries()) {
      if (random.next() < 0.3) continue;
      const text = texts[(at % 2) * 2 + random.int(2)] ?? "";
      const document = JSON.parse(
        text.replaceAll(/"version": ?"(\d+\.\d+)\.\d+"/g, (_all, begin) => `"version": "${begin}.${random.int(5)}"`),
      );
      if (random.next() < 0.3 && Array.isArray(document.facts.modules))
        document.facts.modules.splice(random.int(20), 3);
      await postInventory(muster, system, document);
    }
    await muster.clock.advance(1000);
    await muster.app.runner.drain();
  }
  expect(await findUntruths(muster)).toEqual([]);
}, 240_000);

describe("a system that is erased", () => {
  test("takes its facts along and leaves those of the others counted right", async () => {
    const [one, other] = [await muster.addSystem("Erased"), await muster.addSystem("Staying")];
    const document = firewall({ shared: "yes", nested: { "eth0.6": { type: "vlan" } } });
    await sendInventory(muster, one, document);
    await sendInventory(muster, other, document);
    expect(await find("facts.shared = yes")).toEqual(["Erased", "Staying"]);
    await muster.admin("DELETE", `/api/admin/systems/${one.system_key}`);
    expect(await find("facts.shared = yes")).toEqual(["Staying"]);
    expect(await findUntruths(muster)).toEqual([]);
  }, 240_000);

  test("is forgotten in the dictionary too, once the night's job has run", async () => {
    const system = await muster.addSystem("Unique");
    await sendInventory(muster, system, firewall({ only_here: { by_name: "Unique" }, shared: "yes" }));
    await muster.admin("DELETE", `/api/admin/systems/${system.system_key}`);
    const known = () => muster.database.query("select path from fleet_paths where path like 'facts.only_here%'");
    expect(await known()).toHaveLength(1);
    await muster.app.queue.push([{ queue: "muster:fleet-prune", payload: "" }]);
    await muster.app.runner.drain();
    expect(await known()).toEqual([]);
    expect(await find("facts.shared = yes")).toEqual(["Staying"]);
    expect(await findUntruths(muster)).toEqual([]);
    const again = await muster.addSystem("Unique again");
    await sendInventory(muster, again, firewall({ only_here: { by_name: "Unique" } }));
    expect(await find("facts.only_here.by_name = Unique")).toEqual(["Unique again"]);
  }, 240_000);
});

test("two gateways on one database keep one truth", async () => {
  await using second = await openTestApp({}, { url: muster.databaseUrl, database: muster.database });
  const systems: TestSystem[] = [];
  for (let at = 0; at < 20; at++) systems.push(await muster.addSystem(`Both ${at}`));
  for (let round = 0; round < 6; round++) {
    for (const [at, system] of systems.entries())
      await postInventory(
        muster,
        system,
        firewall({ round, parity: (round + at) % 2, own: `${at}-${round}`, list: [round, at] }),
      );
    await muster.clock.advance(1000);
    await second.clock.advance(1000);
    await Promise.all([muster.app.runner.drain(), second.app.runner.drain()]);
  }
  await muster.app.runner.drain();
  expect(await find("facts.round = 5 and facts.parity = 1")).toHaveLength(10);
  expect(await find("facts.round != 5")).toEqual([]);
  expect(await findUntruths(muster)).toEqual([]);
}, 240_000);
