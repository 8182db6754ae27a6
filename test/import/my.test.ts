// A fleet that comes over from a NethServer "my" database: appliances notice nothing, and nothing is doubled, lost or overwritten.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { OWNER } from "../support/actor.ts";
import type { Report } from "../../src/import/my/report.ts";
import { basic, openTestApp } from "../support/app.ts";
import type { TestApp } from "../support/app.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { temporaryDirectory } from "../support/run.ts";
import { runMuster } from "../support/program.ts";
import { importMy, chainOf, document } from "./fixture.ts";
import { createMyDatabase } from "./my-database.ts";
import type { FormerSystemRow } from "./my-database.ts";

const beat = (app: TestApp, { key, token }: FormerSystemRow) =>
  app.request("POST", "/collect/api/systems/heartbeat", { authorization: basic(key, token) });

test("an appliance logs in with the secret it has, and what was known of it is there", async () => {
  await using my = await createMyDatabase();
  await using app = await openTestApp();
  await my.database.query(
    `insert into customers (id, logto_id, name, custom_data) values ('c1', 'org-1', 'Bakery', '{"vat": "IT123"}')`,
  );
  const system = await my.addSystem({
    name: "Shop",
    fqdn: "shop.example.org",
    type: "ns8",
    version: "3.1.0",
    ipv4_address: "192.0.2.7",
  });
  await my.database.query(
    `insert into system_heartbeats (system_id, last_heartbeat) values ($1, '2026-01-01T10:00:00Z')`,
    [system.id],
  );
  await my.addInventory(system.id, "2026-01-01T01:00:00Z", document("1"));
  await my.addInventory(system.id, "2026-01-01T02:00:00Z", document("2"));
  const report = await importMy(app, my);
  expect([
    report.organizations.imported,
    report.systems.imported,
    report.heartbeats.imported,
    report.inventories.imported,
  ]).toEqual([1, 1, 1, 2]);
  expect((await beat(app, system)).status).toBe(200);
  const { body } = await app.admin<Record<string, unknown>>("GET", `/api/admin/systems/${system.key}`);
  expect(body.data).toMatchObject({
    system_id: system.id,
    name: "Shop",
    fqdn: expect.any(String),
    organization_id: "org-1",
    last_heartbeat: "2026-01-01T10:00:00.000Z",
  });
  const organization = await app.app.api.organizations.show(OWNER, "org-1");
  expect(organization).toMatchObject({ name: "Bakery", type: "customer", vat: "IT123" });
  expect(await chainOf(app, system.id)).toEqual({ versions: ["1", "2"], steps: ["1→2"] });
  const applications = await app.database.query("select 1 from applications where system_id = $1", [system.id]);
  expect(applications.length).toBeGreaterThan(0);
  // The past alarms nobody.
  expect(await app.database.query("select 1 from inventory_alerts where diff_id is not null")).toEqual([]);
}, 240_000);

test("a state that came back after another is the newest again, and later posts follow from it", async () => {
  await using my = await createMyDatabase();
  await using app = await openTestApp();
  const system = await my.addSystem();
  await my.addInventory(system.id, "2025-12-01T01:00:00Z", document("A"));
  await my.addInventory(system.id, "2025-12-02T01:00:00Z", document("B"));
  await my.addInventory(system.id, "2025-12-03T01:00:00Z", document("A"));
  await importMy(app, my);
  expect(await chainOf(app, system.id)).toEqual({ versions: ["A", "B", "A"], steps: ["A→B", "B→A"] });
  const sent = await app.request("POST", "/collect/api/systems/inventory", {
    authorization: basic(system.key, system.token),
    body: JSON.stringify(document("C")),
  });
  expect(sent.status).toBeLessThan(300);
  await app.app.runner.drain();
  expect((await chainOf(app, system.id)).steps).toEqual(["A→B", "B→A", "A→C"]);
}, 240_000);

test("a second run brings what is new there, doubles nothing, and leaves what was done here", async () => {
  await using my = await createMyDatabase();
  await using app = await openTestApp();
  const [first, second] = [await my.addSystem(), await my.addSystem()];
  for (const at of ["2025-12-01", "2025-12-02"]) await my.addInventory(first.id, `${at}T01:00:00Z`, document(at));
  await my.database.query(
    `insert into alert_history (system_key, organization_id, alertname, status, fingerprint, starts_at, ends_at)
     select $1, 'org-1', 'DiskFull', 'resolved', 'f1', '2025-12-01', '2025-12-02' from generate_series(1, 3)`,
    [first.key],
  );
  const once = await importMy(app, my);
  expect(once.alerts).toMatchObject({ imported: 1, brought: 1, already_there: 2 });
  const rotated = await app.app.api.systems.rotate(OWNER, second.key, 0);
  await app.app.api.systems.suspend(OWNER, first.key);
  await my.addInventory(first.id, "2025-12-03T01:00:00Z", document("2025-12-03"));
  const third = await my.addSystem();
  const again = await importMy(app, my);
  expect(again.systems).toMatchObject({ imported: 1, already_there: 2 });
  expect(again.alerts).toMatchObject({ imported: 0, already_there: 3 });
  const { versions, steps } = await chainOf(app, first.id);
  expect(versions).toEqual(["2025-12-01", "2025-12-02", "2025-12-03"]);
  expect(steps).toHaveLength(2);
  expect((await beat(app, second)).status).toBe(401);
  expect((await beat(app, { ...second, token: rotated.system_secret })).status).toBe(200);
  expect((await beat(app, first)).status).toBe(401);
  expect((await beat(app, third)).status).toBe(200);
}, 240_000);

test("what cannot come over is skipped with its reason, and a deleted system's secret is told so", async () => {
  await using my = await createMyDatabase();
  await using app = await openTestApp();
  const here = await app.addSystem();
  const deleted = await my.addSystem({ deleted_at: "2026-01-01T00:00:00Z" });
  await my.addSystem({ id: "not-a-uuid" });
  await my.addSystem({ system_key: here.system_key });
  await my.addSystem({ system_secret_sha256: "plain" });
  await my.addSystem({ system_secret_public: null });
  await my.addSystem({ system_key: "a key; with" });
  const odd = await my.addSystem();
  await my.addInventory(odd.id, "2025-12-01T01:00:00Z", ["no", "object"]);
  await my.database.query(
    `insert into resellers (id, logto_id, name, deleted_at) values ('r1', null, 'Nameless', null), ('r2', 'org-2', 'Gone', now())`,
  );
  const report = await importMy(app, my);
  expect(report.systems.imported).toBe(1);
  expect(report.systems.skipped.map(({ reason }) => reason).sort()).toEqual([
    "another system has its key here",
    "deleted there; its secret still answers 403",
    "it has no secret",
    "its id is no UUID",
    "its key has other characters than letters, digits, dots and dashes",
    "the hash of its secret has another form",
  ]);
  expect(report.inventories).toMatchObject({ imported: 0, skipped: [{ count: 1 }] });
  expect(report.inventories.skipped[0]?.reason).toContain("expected a JSON object");
  expect(report.organizations.skipped.map(({ reason }) => reason).sort()).toEqual([
    "deleted there",
    "has no id that systems could name",
  ]);
  const answer = await app.request("POST", "/api/systems/register", {
    body: JSON.stringify({ system_secret: deleted.token }),
  });
  expect([answer.status, answer.body.message]).toEqual([403, "system has been deleted"]);
}, 240_000);

test("changes that come over before a gateway has started on this server follow, in the feed, those of the server before", async () => {
  await using my = await createMyDatabase();
  await using app = await openTestApp();
  const system = await my.addSystem({});
  await my.addInventory(system.id, "2026-01-01T01:00:00Z", document("1"));
  await my.addInventory(system.id, "2026-01-01T02:00:00Z", document("2"));
  // As a dump of the other server leaves it.
  await app.database.query(`insert into feed_epochs (epoch, server) values (7, 'another server')`);
  await importMy(app, my, "--dry-run");
  const newest = async () =>
    (await app.database.query("select max(epoch) as epoch, count(*)::int as epochs from feed_epochs"))[0];
  expect(await newest()).toEqual({ epoch: 7, epochs: 1 });
  await importMy(app, my);
  expect(await newest()).toEqual({ epoch: 8, epochs: 2 });
  const changes = await app.database.query("select distinct feed_epoch as epoch from inventory_diffs");
  expect(changes).toEqual([{ epoch: 8 }]);
}, 240_000);

test("one that is not registered registers here with its secret", async () => {
  await using my = await createMyDatabase();
  await using app = await openTestApp();
  const system = await my.addSystem({ registered_at: null });
  await importMy(app, my);
  expect((await beat(app, system)).status).toBe(401);
  const answer = await app.request<{ system_key: string }>("POST", "/backend/api/systems/register", {
    body: JSON.stringify({ system_secret: system.token }),
  });
  expect(answer.body.data.system_key).toBe(system.key);
  expect((await beat(app, system)).status).toBe(200);
}, 240_000);

test("changes whose documents are gone are kept apart, the others are made of their documents", async () => {
  await using my = await createMyDatabase();
  await using app = await openTestApp();
  const system = await my.addSystem();
  const ids = [];
  for (const version of ["1", "2", "3"])
    ids.push(await my.addInventory(system.id, `2025-11-0${version}T01:00:00Z`, document(version)));
  for (const [previous, current] of [
    [0, 1],
    [1, 2],
  ] as const)
    await my.database.query(
      `insert into inventory_diffs (system_id, previous_id, current_id, diff_type, field_path, previous_value, current_value, created_at)
       values ($1, $2, $3, 'update', 'marker.version', $4::jsonb, $5::jsonb, '2025-11-02T01:00:01Z')`,
      [system.id, ids[previous], ids[current], `"${previous + 1}"`, `"${current + 1}"`],
    );
  await my.database.query(`delete from inventory_records where id = $1`, [ids[1]]);
  const report = await importMy(app, my);
  expect(report.changes.imported).toBe(2);
  expect((await importMy(app, my)).changes).toMatchObject({ imported: 0, already_there: 2 });
  expect(await chainOf(app, system.id)).toEqual({ versions: ["1", "3"], steps: ["1→3"] });
  const kept = await app.database.query(
    `select field_path, current_value #>> '{}' as value from former_changes order by former_id`,
  );
  expect(kept).toEqual([
    { field_path: "marker.version", value: "2" },
    { field_path: "marker.version", value: "3" },
  ]);
}, 240_000);

test("a dry run says the same and writes nothing", async () => {
  await using my = await createMyDatabase();
  await using app = await openTestApp();
  const system = await my.addSystem();
  await my.addInventory(system.id, "2025-12-01T01:00:00Z", document("1"));
  await my.addSystem({ deleted_at: "2026-01-01T00:00:00Z" });
  const counted = () =>
    app.database.query(
      `select (select count(*) from systems) + (select count(*) from inventory_records) + (select count(*) from erased_secrets)
         + (select count(*) from organizations) + (select count(*) from import_progress) as rows`,
    );
  const before = await counted();
  const { dry_run, ...dry } = (await importMy(app, my, "--dry-run")) as Report & { dry_run: boolean };
  expect(dry_run).toBe(true);
  expect(await counted()).toEqual(before);
  const { dry_run: _, ...wet } = (await importMy(app, my)) as Report & { dry_run: boolean };
  expect(wet).toEqual(dry);
}, 240_000);

test("two imports at once are one: the other is refused", async () => {
  await using my = await createMyDatabase();
  await using app = await openTestApp();
  for (let serial = 0; serial < 30; serial += 1) {
    const { id } = await my.addSystem();
    for (let day = 1; day <= 9; day += 1) await my.addInventory(id, `2025-12-0${day}T01:00:00Z`, document(String(day)));
  }
  const env = { DATABASE_URL: app.databaseUrl, DATA_DIR: temporaryDirectory("import") };
  const outcomes = await Promise.all([1, 2].map(() => runMuster(["import", "my", "--database-url", my.url], { env })));
  expect(outcomes.map(({ code }) => code).sort()).toEqual([0, 1]);
  expect(outcomes.map(({ stderr }) => stderr).join("")).toContain("Another import into this database is running.");
}, 240_000);

test("a foreign database, one that does not answer, and a wrong command line are refused in words", async () => {
  await using foreign = await createTestDatabase();
  await using app = await openTestApp();
  const env = { DATABASE_URL: app.databaseUrl, DATA_DIR: temporaryDirectory("import") };
  const run = (...args: string[]) => runMuster(["import", ...args], { env });
  const other = await run("my", "--database-url", foreign.url);
  expect([other.code, other.stderr]).toEqual([
    1,
    expect.stringMatching(/^This is no database of NethServer "my": it lacks .*distributors/m),
  ]);
  const away = await run("my", "--database-url", "postgresql://127.0.0.1:1/x");
  expect([away.code, away.stderr]).toEqual([1, expect.stringContaining("does not answer")]);
  for (const args of [[], ["theirs"], ["my"], ["my", "--database-url", "mysql://x"]])
    expect((await run(...args)).code).toBe(2);
}, 240_000);

test("the report is a table that names reasons and examples; the URL may come from a file", async () => {
  await using my = await createMyDatabase();
  await using app = await openTestApp();
  await my.addSystem();
  await my.addSystem({ system_secret_public: null, name: "Odd\u001b[31m" });
  const file = join(temporaryDirectory("import-url"), "url");
  writeFileSync(file, `${my.url}\n`);
  const { stdout, code } = await runMuster(["import", "my", "--database-url-file", file], {
    env: { DATABASE_URL: app.databaseUrl, DATA_DIR: temporaryDirectory("import") },
  });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^systems +1 +0 +1$/m);
  expect(stdout).toContain("1 skipped: it has no secret: NETH-");
  expect(stdout).not.toContain("\u001b");
}, 240_000);
