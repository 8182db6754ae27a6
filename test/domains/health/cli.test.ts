// Checks health and the rules file on the command line.
import { expect, test } from "bun:test";
import { openTestApp } from "../../support/app.ts";
import { runMuster, runJson } from "../../support/program.ts";
import { temporaryDirectory } from "../../support/run.ts";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

test("systems show prints the score and why, systems list the score", async () => {
  await using muster = await openTestApp();
  const system = await muster.addSystem("Branch 12");
  await muster.database.query(
    `with heard as (update systems set status = 'active', registered_at = now() - interval '10 days')
     insert into system_status_changes (system_id, status, changed_at) values ($1, 'active', now() - interval '5 days')`,
    [system.system_id],
  );
  const env = { DATABASE_URL: muster.databaseUrl, DATA_DIR: "/nonexistent" };
  const shown = await runMuster(["systems", "show", system.system_key], { env });
  expect(shown.stdout).toMatch(/^health +40$/m);
  expect(shown.stdout).toMatch(/^ +-40 {2}Heard for (50|49\.9) % of the time since \d{4}-\d\d-\d\d\.$/m);
  expect(shown.stdout).toMatch(/^ +-20 {2}No inventory has come yet\.$/m);
  expect((await runMuster(["systems", "list"], { env })).stdout).toContain("   40  Branch 12");
  const json = await runJson<{ health: { score: number } }>(["systems", "show", system.system_key], { env });
  expect(json.health.score).toBe(40);
}, 60_000);

test("doctor names every fault of the rules file, and the other verbs still work", async () => {
  await using muster = await openTestApp();
  const directory = temporaryDirectory("rules");
  const path = join(directory, "rules.json");
  writeFileSync(path, '{"versions":[{"product":"nsec","minimum":"newest"}],"advisories":"absent.json","colour":1}');
  const env = { DATABASE_URL: muster.databaseUrl, DATA_DIR: "/nonexistent", INVENTORY_RULES_FILE: path };
  const doctor = await runMuster(["doctor"], { env });
  expect(doctor.code).toBe(1);
  expect(doctor.stdout).toContain("the inventory rules have 3 faults");
  for (const fault of [
    '/versions/0/minimum: "newest"',
    "absent.json: the file cannot be read",
    "/colour: 1, expected no such key",
  ])
    expect(doctor.stdout).toContain(fault);
  expect((await runMuster(["systems", "list"], { env })).code).toBe(0);
  const serve = await runMuster(["serve"], { env });
  expect(serve.code).not.toBe(0);
  expect(serve.stderr).toContain("/colour: 1, expected no such key");
  writeFileSync(path, "{}");
  expect((await runMuster(["doctor"], { env })).stdout).toMatch(
    /^ok +inventory rules +\/.*\/rules\.json has no fault\.$/m,
  );
  rmSync(directory, { recursive: true });
}, 60_000);
