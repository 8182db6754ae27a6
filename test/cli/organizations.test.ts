// muster organizations, as one types it.
import { expect, test } from "bun:test";
import { openTestApp } from "../support/app.ts";
import { commandJson, runCommand } from "../support/command.ts";

test("adds, changes, lists, suspends and resumes an organisation", async () => {
  await using muster = await openTestApp();
  const env = { DATABASE_URL: muster.databaseUrl };
  const json = (...args: string[]) => commandJson(["organizations", ...args], env);
  const run = (...args: string[]) => runCommand(["organizations", ...args], env);
  const added = await json("add", "acme", "--name", "Acme", "--type", "customer", "--tenant", "r1", "--vat", "IT1");
  expect(added).toMatchObject({ id: "acme", name: "Acme", type: "customer", tenant: "r1", vat: "IT1", systems: 0 });
  expect(await json("change", "acme", "--name", "Acme Ltd")).toMatchObject({ name: "Acme Ltd", tenant: "r1" });
  expect((await run("list")).stdout).toBe(
    "ID    STATE   TYPE      SYSTEMS  NAME      TENANT  VAT\nacme  active  customer        0  Acme Ltd  r1      IT1\n",
  );
  const system = await muster.addSystem("a", { organization: "acme" });
  expect((await run("suspend", "acme")).stdout).toContain("\nacme  suspended");
  const beat = () => muster.request("POST", "/api/systems/heartbeat", { authorization: system.authorization });
  expect((await beat()).status).toBe(401);
  expect(await json("resume", "acme")).toMatchObject({ suspended_at: null, systems: 1 });
  expect((await beat()).status).toBe(200);
}, 60_000);

test("words that do not fit end with 2, an organisation that is not there with 1", async () => {
  await using muster = await openTestApp();
  const env = { DATABASE_URL: muster.databaseUrl };
  const codeOf = async (...args: string[]) => (await runCommand(["organizations", ...args], env)).code;
  expect(await codeOf()).toBe(2);
  expect(await codeOf("add", "x")).toBe(2);
  expect(await codeOf("add", "x", "--name", "x", "--type", "boss")).toBe(2);
  expect(await codeOf("change", "x")).toBe(2);
  expect(await codeOf("suspend", "nobody")).toBe(1);
}, 60_000);
