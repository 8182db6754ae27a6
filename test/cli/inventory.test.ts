// muster inventory prune, pin and unpin, and muster systems applications, beside a gateway on the same database.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { openTestApp } from "../support/app.ts";
import type { TestApp, TestSystem } from "../support/app.ts";
import { commandJson, runCommand } from "../support/command.ts";

let muster: TestApp;
let system: TestSystem;
let env: { DATABASE_URL: string };
let recordIds: string[];
beforeAll(async () => {
  muster = await openTestApp();
  env = { DATABASE_URL: muster.databaseUrl };
  system = await muster.addSystem();
  // The program has a real clock: a day of four records, two years ago.
  const rows = await muster.database.query<{ id: string }>(
    `insert into inventory_records (id, system_id, received_at, last_seen_at, data, data_hash, data_size, diffed_at)
     select gen_random_uuid(), $1, t, t, '{"installation": "nethserver"}', '', 30, t
     from generate_series(date_trunc('day', now() - interval '2 years'), date_trunc('day', now() - interval '2 years') + interval '3 hours', interval '1 hour') as t
     returning id`,
    [system.system_id],
  );
  recordIds = rows.map((row) => row.id);
}, 60_000);
afterAll(() => muster[Symbol.asyncDispose](), 60_000);

const countRecords = async () =>
  (await muster.database.query(`select from inventory_records where system_id = $1`, [system.system_id])).length;
interface Report {
  dry_run: boolean;
  stages: { stage: string; deleted: number; bytes_freed: number; kept: number }[];
}
const quarter = (report: Report) => report.stages.find((one) => one.stage === "quarter");

test("prune --dry-run says what would go and leaves it; prune says the same and deletes it; pinned ones stay", async () => {
  const [, second = "", third = ""] = recordIds;
  const pinned = await runCommand(["inventory", "pin", system.system_key, second], env);
  expect(pinned).toMatchObject({ code: 0, stdout: `The record ${second} stays.\n` });
  expect(await commandJson(["inventory", "pin", system.system_key, third], env)).toMatchObject({ pinned: true });
  expect(await commandJson(["inventory", "unpin", system.system_key, third], env)).toMatchObject({ pinned: false });

  const dry = await runCommand(["inventory", "prune", "--dry-run"], env);
  expect(dry.code).toBe(0);
  const [header, ...lines] = dry.stdout.trim().split("\n");
  expect(header).toMatch(/^received +would go +bytes +kept$/);
  expect(lines.find((line) => line.startsWith("older, 1 a quarter"))).toMatch(/ 1 +\d+ +3$/);
  expect(lines.at(-1)).toBe("Alerts resolved more than 30 days ago: 0 would go.");
  expect(await countRecords()).toBe(4);

  const planned = await commandJson<Report>(["inventory", "prune", "--dry-run"], env);
  expect(quarter(planned)).toEqual({ stage: "quarter", deleted: 1, bytes_freed: expect.any(Number), kept: 3 });
  const done = await commandJson<Report>(["inventory", "prune"], env);
  expect(done).toEqual({ ...planned, dry_run: false });
  expect(await countRecords()).toBe(3);
}, 60_000);

test("words that do not fit are answered with the usage", async () => {
  expect(await runCommand(["inventory"], env)).toMatchObject({ code: 2, stdout: "" });
  expect((await runCommand(["inventory", "prune", "--force"], env)).code).toBe(2);
  expect((await runCommand(["inventory", "pin", system.system_key], env)).stderr).toContain("RECORD_ID is missing");
  const unknown = await runCommand(["inventory", "pin", system.system_key, "nonsense"], env);
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toContain('the system has no inventory record "nonsense"');
}, 60_000);

test("systems applications lists what runs on a cluster", async () => {
  const body = JSON.stringify({
    installation: "nethserver",
    facts: {
      cluster: { fqdn: "srv.example.org" },
      modules: [{ id: "mail1", module: "mail", version: "1.2", ui_name: "Post\nbox", node: "1" }],
    },
  });
  await muster.request("POST", "/api/systems/inventory", { authorization: system.authorization, body });
  await muster.app.runner.drain();
  const listed = await runCommand(["systems", "applications", system.system_key], env);
  expect(listed.stdout.split("\n")[1]).toMatch(
    /^mail1 +1\.2 +1 {2}Post\\u000abox {2}https:\/\/srv\.example\.org\/cluster-admin\/#\/apps\/mail1 +-$/,
  );
  const page = await commandJson<{ applications: { module_id: string }[] }>(
    ["systems", "applications", system.system_key],
    env,
  );
  expect(page.applications.map((one) => one.module_id)).toEqual(["mail1"]);
}, 60_000);
