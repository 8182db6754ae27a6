// muster systems: every verb, in words and as JSON, beside a gateway that serves from the same database.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { OWNER } from "../support/actor.ts";
import { basic, openTestApp } from "../support/app.ts";
import type { TestApp, TestSystem } from "../support/app.ts";
import { commandJson, runCommand } from "../support/command.ts";
import { ROOT, startGateway } from "../support/program.ts";
import type { Gateway } from "../support/program.ts";

let muster: TestApp;
let gateway: Gateway;
let env: { DATABASE_URL: string };
beforeAll(async () => {
  muster = await openTestApp();
  env = { DATABASE_URL: muster.databaseUrl };
  gateway = await startGateway({ env });
}, 60_000);
afterAll(async () => {
  await gateway.stop();
  await muster[Symbol.asyncDispose]();
}, 60_000);

const run = (...args: string[]) => runCommand(["systems", ...args], env);
const json = <Value = Record<string, unknown>>(...args: string[]) => commandJson<Value>(["systems", ...args], env);
const beat = async (authorization: string) =>
  (await fetch(`${gateway.url}/api/systems/heartbeat`, { method: "POST", headers: { authorization } })).status;

describe("add", () => {
  test("prints what the appliance needs, and it can register and come in with it", async () => {
    await muster.app.api.organizations.add(OWNER, { id: "acme", name: "Acme" });
    const added = await json<Record<string, string>>("add", "--name", "Branch 12", "--organization", "acme");
    expect(added).toEqual({
      system_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      system_key: expect.stringMatching(/^NOC(-[0-9A-F]{4}){8}$/),
      system_secret: expect.stringMatching(/^my_[0-9a-f]{20}\.[0-9a-f]{40}$/),
      name: "Branch 12",
      organization_id: "acme",
    });
    const body = JSON.stringify({ system_secret: added["system_secret"] });
    expect((await muster.request("POST", "/backend/api/systems/register", { body })).status).toBe(200);
    expect(await beat(basic(added["system_key"] ?? "", added["system_secret"] ?? ""))).toBe(200);
  }, 60_000);

  test("in words puts key and secret on stdout and the advice on stderr", async () => {
    const { code, stdout, stderr } = await run("add", "--name", "Branch 13");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^system_key {5}NOC-\S+\nsystem_secret {2}my_\S+\n$/);
    expect(stderr).toContain("not shown again");
  }, 60_000);
});

describe("list and show", () => {
  test("find a system by part of its name, and page through all", async () => {
    await muster.addSystem("Findable one");
    await muster.addSystem("Findable two", { registered: false });
    const names = async (...args: string[]) =>
      (await json<{ systems: { name: string }[] }>("list", ...args)).systems.map((system) => system.name);
    expect(await names("--search", "findable")).toEqual(["Findable one", "Findable two"]);
    const first = await json<{ systems: { name: string }[]; next_cursor: string }>(
      "list",
      "--search",
      "findable",
      "--limit",
      "1",
    );
    expect(first.systems.map((system) => system.name)).toEqual(["Findable one"]);
    expect(await names("--search", "findable", "--limit", "1", "--cursor", first.next_cursor)).toEqual([
      "Findable two",
    ]);
    const words = await run("list", "--search", "findable", "--limit", "1");
    expect(words.stdout).toMatch(/^KEY .*\nNOC-\S+ {2}unknown .* Findable one .* -\n$/);
    expect(words.stderr).toContain(`--cursor ${first.next_cursor}`);
  }, 60_000);

  test("nothing that an appliance calls itself breaks a line or steers the terminal", async () => {
    const { system_key: key, system_id: id } = await muster.addSystem("Zed");
    const fqdn = "\u001b[31mred\u009b2J\nnext line \u202eright to left";
    await muster.database.query("update systems set fqdn = $2 where id = $1", [id, fqdn]);
    for (const words of [await run("list", "--search", "zed"), await run("show", key)]) {
      expect(words.stdout).toContain("\\u001b[31mred\\u009b2J\\u000anext line \\u202eright");
      expect(words.stdout).not.toMatch(/[\u001b\u009b\u202e]/);
    }
  }, 60_000);

  test("show knows a system by its key and by its id", async () => {
    const { system_key: key, system_id: id } = await muster.addSystem("Shown");
    const byKey = await json("show", key);
    expect(byKey).toMatchObject({ system_id: id, system_key: key, name: "Shown", status: "unknown" });
    expect(await json("show", id)).toEqual(byKey);
    expect(JSON.stringify(byKey)).not.toContain("secret");
  }, 60_000);

  test.each(["show", "suspend", "resume", "rotate", "changes"])(
    "%s of nobody ends with 1 and says so",
    async (verb) => {
      const { code, stdout, stderr } = await run(verb, "NOC-NOBODY");
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toContain('"NOC-NOBODY"');
    },
    60_000,
  );
});

test("suspend shuts a system out within a second and resume lets it in again", async () => {
  const system = await muster.addSystem("Suspended");
  expect(await beat(system.authorization)).toBe(200);
  expect(await json("suspend", system.system_key)).toMatchObject({ suspended_at: expect.any(String) });
  await eventually(async () => expect(await beat(system.authorization)).toBe(401));
  const { systems } = await json<{ systems: { name: string }[] }>("list", "--status", "suspended");
  expect(systems.map((one) => one.name)).toEqual(["Suspended"]);
  expect(await json("resume", system.system_key)).toMatchObject({ suspended_at: null });
  expect(await beat(system.authorization)).toBe(200);
}, 60_000);

test("rotate makes a new secret; the old one opens for the overlap, and old-secrets names who uses it", async () => {
  const system = await muster.addSystem("Rotated");
  const rotated = await json<Record<string, string>>("rotate", system.system_key, "--overlap", "1h30m");
  expect(rotated["system_secret"]).not.toBe(system.system_secret);
  expect(rotated["old_secret_expires_at"]).toBeString();
  expect(await beat(basic(system.system_key, rotated["system_secret"] ?? ""))).toBe(200);
  expect(await beat(system.authorization)).toBe(200);
  const { secrets } = await json<{ secrets: Record<string, unknown>[] }>("old-secrets");
  expect(secrets).toMatchObject([{ system_key: system.system_key, name: "Rotated", last_used_at: expect.any(String) }]);
  expect((await run("old-secrets")).stdout).toMatch(/Rotated {2}\S+Z {2}\S+Z\n/);

  const hard = await run("rotate", system.system_key);
  expect(hard.stderr).toContain("refused from now on");
  await eventually(async () => expect(await beat(system.authorization)).toBe(401));
}, 60_000);

test("delete erases a system only when told twice", async () => {
  const system = await muster.addSystem("Erased");
  expect(await json("delete", system.system_key, "--yes")).toMatchObject({ name: "Erased" });
  expect((await run("show", system.system_key)).code).toBe(1);
  await eventually(async () => expect(await beat(system.authorization)).toBe(401));
}, 60_000);

describe("changes", () => {
  let system: TestSystem;
  beforeAll(async () => {
    system = await muster.addSystem("Changed");
    for (const name of ["ns8-inventory", "ns8-inventory-after-30-steps"]) {
      const body = await Bun.file(join(ROOT, `test/support/fixtures/inventories/${name}.json`)).text();
      const answer = await muster.request("POST", "/api/systems/inventory", {
        authorization: system.authorization,
        body,
      });
      expect(answer.status).toBe(200);
      await muster.clock.advance(1000);
    }
    await eventually(async () =>
      expect((await json<{ changes: unknown[] }>("changes", system.system_key)).changes).not.toEqual([]),
    );
  }, 60_000);

  test("is a list one can read: time, severity, category, what, old → new", async () => {
    const { stdout } = await run("changes", system.system_key);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(3);
    expect(lines.shift()).toMatch(/^DETECTED +SEVERITY +CATEGORY +CHANGE$/);
    for (const line of lines)
      expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}Z {2}(low|medium|high|critical) +[a-z_]+ +[+~-] \S.*: /);
    expect(stdout).toContain(" → ");
  }, 60_000);

  test("as JSON is the API's page, whole, also through a slow pipe", async () => {
    const page = await json<{ changes: unknown[]; next_cursor: null }>(
      "changes",
      system.system_key,
      "--all",
      "--limit",
      "1000",
    );
    const { body } = await muster.admin("GET", `/api/admin/systems/${system.system_key}/inventory/changes?limit=1000`);
    expect(page.changes.length).toBeGreaterThan(10);
    expect<unknown>(page).toEqual(body.data);
    expect(page.next_cursor).toBeNull();
  }, 60_000);

  test("filters by severity, category and type", async () => {
    interface Page {
      changes: { change_type: string; severity: string }[];
    }
    const all = await json<Page>("changes", system.system_key, "--all", "--limit", "1000");
    const updates = await json<Page>("changes", system.system_key, "--all", "--limit", "1000", "--type", "update");
    expect(updates.changes.length).toBe(all.changes.filter((one) => one.change_type === "update").length);
    expect(updates.changes.length).toBeGreaterThan(0);
    const none = await run("changes", system.system_key, "--category", "nothing");
    expect(none.stdout).toBe("No significant changes; --all shows the others too.\n");
  }, 60_000);
});

/** Other processes are told by a notification, so what they did is seen a moment later. */
async function eventually(check: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await check();
    } catch (error) {
      if (tries > 1_000) throw error;
      await Bun.sleep(20);
    }
  }
}
