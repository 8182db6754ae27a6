// muster inventory query, facets, outliers, paths: in words and as JSON, beside an app that works on the same database.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openTestApp } from "../support/app.ts";
import type { TestApp, TestSystem } from "../support/app.ts";
import { firewall, sendInventory } from "../support/facts.ts";
import { commandJson, runCommand } from "../support/command.ts";

let muster: TestApp;
let system: TestSystem;
let env: { DATABASE_URL: string };
beforeAll(async () => {
  muster = await openTestApp();
  env = { DATABASE_URL: muster.databaseUrl };
  system = await muster.addSystem("Branch 1");
  await sendInventory(
    muster,
    system,
    firewall({ distro: { version: "8.6.0", odd: "\u009b31m" }, network: { "eth0.6": { type: "vlan" } } }),
  );
  await sendInventory(muster, await muster.addSystem("Branch 2"), firewall({ distro: { version: "8.7.0" } }));
}, 60_000);
afterAll(() => muster[Symbol.asyncDispose](), 60_000);

const run = (...args: string[]) => runCommand(["inventory", ...args], env);
const json = <Value>(...args: string[]) => commandJson<Value>(["inventory", ...args], env);

describe("query", () => {
  test("lists the systems and why", async () => {
    const { code, stdout, stderr } = await run("query", "facts.distro.version < 8.7", "--type", "nsec");
    expect([code, stderr]).toEqual([0, "1 system.\n"]);
    expect(stdout).toBe(`${system.system_key}  Branch 1\n    facts.distro.version = "8.6.0"\n`);
  }, 60_000);

  test("prints no value that steers the terminal", async () => {
    expect((await run("query", "facts.distro.odd exists")).stdout).toContain('= "\\u009b31m"');
  }, 60_000);

  test("as JSON is what the API answers", async () => {
    const found = await json<{ total: number; systems: object[] }>("query", 'facts.network."eth0.6".type = vlan');
    expect(found).toMatchObject({ total: 1, systems: [{ system_id: system.system_id }] });
  }, 60_000);

  test("says where it is wrong", async () => {
    const { code, stderr } = await run("query", "facts.distro.version ~ 8");
    expect(code).toBe(1);
    expect(stderr).toContain("invalid query at character 22: expected one of = !=");
    expect((await run("query")).code).toBe(2);
  }, 60_000);
});

test("facets counts values, most common first", async () => {
  const { stdout, stderr } = await run("facets", "facts.network.*.type");
  expect(stdout).toBe('SYSTEMS  VALUE\n      1  "vlan"\n');
  expect(stderr).toBe("1 system has no such path.\n");
  expect(await json("facets", "facts.distro.version", "--query", "facts.network exists")).toEqual({
    hints: [],
    path: "facts.distro.version",
    values: [{ value: "8.6.0", count: 1 }],
    more_values: 0,
    missing: 0,
  });
}, 60_000);

test("outliers says when there are too few to tell", async () => {
  const { code, stdout, stderr } = await run("outliers", "nsec");
  const sentence = "2 systems of the type nsec: outliers are found among more than 100.\n";
  expect([code, stdout, stderr]).toEqual([0, "", sentence]);
}, 60_000);

test("odd, which is outliers' former name, still works and says what replaces it", async () => {
  const { code, stdout, stderr } = await run("odd", "nsec", "--json");
  expect([code, JSON.parse(stdout)]).toEqual([0, await json("outliers", "nsec")]);
  expect(stderr).toBe(
    '"muster inventory odd" is now "muster inventory outliers". The next major version removes the former word.\n',
  );
}, 60_000);

test("paths finds what to ask for", async () => {
  const { stdout } = await run("paths", "--search", "eth0");
  expect(stdout).toBe('PATH                         EXAMPLE\nfacts.network."eth0.6".type  "vlan"\n');
}, 60_000);
