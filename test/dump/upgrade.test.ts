// An older database is dumped, then upgraded, while appliances go on; what they were promised is there after it.
import { expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { embeddedMigrations, migrate, schemaVersion } from "../../src/adapters/postgres/migrate.ts";
import { createSecret } from "../../src/domains/systems/credentials/secret.ts";
import { basic, openTestApp } from "../support/app.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { temporaryDirectory, testLog } from "../support/run.ts";
import { runMuster, startGateway } from "../support/program.ts";

/** What the first gateway made: systems, queue, operators, heartbeats. */
const FIRST = 4;

/** A database of the first schema, with systems in it that beat, and beats that wait in the queue. */
async function openOldDatabase(systems: number) {
  const old = await createTestDatabase({ empty: true });
  await migrate(old.database, testLog, embeddedMigrations().slice(0, FIRST));
  const secrets = Array.from({ length: systems }, (_, index) => ({ key: `NOC-OLD-${index}`, secret: createSecret() }));
  for (const { key, secret } of secrets) {
    const id = crypto.randomUUID();
    await old.database.query(
      `with s as (insert into systems (id, name, organization_id, system_key, created_at, registered_at, status)
         values ($1, $2, 'acme', $2, now(), now(), 'active') returning id)
       insert into system_secrets (secret_public, system_id, secret_sha256, created_at) select $3, id, $4, now() from s`,
      [id, key, secret.public, secret.sha256],
    );
    await old.database.query(
      `insert into jobs (queue, place, state, due_at, pushed_at, payload_bytes, payload)
       values ('collect:heartbeat', 0, 'ready', '2025-12-31', '2025-12-31', 60, $1)`,
      [JSON.stringify([[id, Date.now()]])],
    );
  }
  return { ...old, authorizations: secrets.map(({ key, secret }) => basic(key, secret.token)) };
}

test("a database of the first schema is dumped and upgraded, and its beats that waited are stored", async () => {
  await using old = await openOldDatabase(3);
  const directory = temporaryDirectory("upgrade");
  try {
    await using app = await openTestApp({ DATA_DIR: directory }, old);
    const [dump, ...others] = readdirSync(join(directory, "dumps"));
    expect(others).toEqual([]);
    expect(dump).toMatch(/^before-0005-\d{8}T\d{6}Z\.tar\.zst$/);
    expect(app.app.about.migrated.applied.length).toBe(embeddedMigrations().length - FIRST);
    await app.app.runner.drain();
    const [row] = await old.database.query<{ beats: number }>("select count(*)::int as beats from system_heartbeats");
    expect(row?.beats).toBe(3);

    await using empty = await createTestDatabase({ empty: true });
    const env = { DATABASE_URL: empty.url, DATA_DIR: directory };
    const { code, stdout } = await runMuster(["restore", join(directory, "dumps", dump ?? "")], { env });
    expect([code, stdout]).toEqual([0, expect.stringContaining("upgraded to")]);
    const systems = await empty.database.query("select 1 from systems");
    expect(systems.length).toBe(3);
    expect(await schemaVersion(empty.database)).toBe(embeddedMigrations().at(-1)?.version ?? 0);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 240_000);

test("a dump that fails stops the upgrade in words, and the database stays as it was", async () => {
  await using old = await openOldDatabase(1);
  const directory = temporaryDirectory("upgrade");
  writeFileSync(join(directory, "dumps"), "a file where the directory should be");
  try {
    await expect(openTestApp({ DATA_DIR: directory }, old)).rejects.toThrow("Nothing was upgraded");
    expect(await schemaVersion(old.database)).toBe(FIRST);
    await using app = await openTestApp({ DATA_DIR: directory, DUMP_BEFORE_UPGRADE: "false" }, old);
    expect(app.app.about.migrated.applied.length).toBeGreaterThan(0);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 240_000);

test("an empty database and one that is up to date are not dumped", async () => {
  await using empty = await createTestDatabase({ empty: true });
  const directory = temporaryDirectory("upgrade");
  await (await openTestApp({ DATA_DIR: directory }, empty))[Symbol.asyncDispose]();
  await (await openTestApp({ DATA_DIR: directory }, empty))[Symbol.asyncDispose]();
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true, force: true });
}, 240_000);

test("of dumps before upgrades only the newest three stay", async () => {
  const directory = temporaryDirectory("upgrade");
  try {
    for (let count = 0; count < 4; count += 1) {
      await using old = await openOldDatabase(0);
      await (await openTestApp({ DATA_DIR: directory }, old))[Symbol.asyncDispose]();
      const [newest = ""] = readdirSync(join(directory, "dumps")).filter((name) => name.includes("-0005-20260101"));
      if (count < 3) {
        const renamed = newest.replace("20260101T", `2025010${count + 1}T`);
        await Bun.$`mv ${join(directory, "dumps", newest)} ${join(directory, "dumps", renamed)}`.quiet();
      }
    }
    const kept = readdirSync(join(directory, "dumps"))
      .map((name) => name.slice(12, 20))
      .sort();
    expect(kept).toEqual(["20250102", "20250103", "20260101"]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 240_000);

test("a newer database is refused in words and left alone", async () => {
  await using newer = await createTestDatabase();
  await newer.database.query(
    "insert into schema_migrations (version, name, checksum, applied_at) values (9999, '9999_future.sql', 'x', now())",
  );
  const { code, stderr } = await runMuster(["migrate"], { env: { DATABASE_URL: newer.url, DATA_DIR: "/nonexistent" } });
  expect([code, stderr]).toEqual([1, expect.stringContaining("The database is newer than this muster")]);
}, 240_000);

test("beats that were acknowledged while two new gateways upgrade an old database are all stored", async () => {
  await using old = await openOldDatabase(20);
  const directory = temporaryDirectory("upgrade");
  const env = { DATABASE_URL: old.url, DATA_DIR: directory };
  const gateways = await Promise.all([startGateway({ env }), startGateway({ env })]);
  const acknowledged = new Map<string, number>();
  await Promise.all(
    old.authorizations.map(async (authorization, index) => {
      for (let beat = 0; beat < 10; beat += 1) {
        const url = gateways[(index + beat) % 2]?.url;
        const response = await fetch(`${url}/api/systems/heartbeat`, { method: "POST", headers: { authorization } });
        expect(response.status).toBe(200);
        const { data } = (await response.json()) as { data: { system_key: string; last_heartbeat: string } };
        acknowledged.set(
          data.system_key,
          Math.max(acknowledged.get(data.system_key) ?? 0, Date.parse(data.last_heartbeat)),
        );
      }
    }),
  );
  expect(await Promise.all(gateways.map((gateway) => gateway.stop()))).toEqual([0, 0]);
  await using app = await openTestApp({ DATA_DIR: directory }, old);
  await app.clock.advance(Date.now() - app.clock.now().getTime());
  await app.app.runner.drain();
  const rows = await old.database.query<{ key: string; last: Date }>(
    "select s.system_key as key, h.last_heartbeat as last from systems s join system_heartbeats h on h.system_id = s.id",
  );
  expect(rows.length).toBe(20);
  for (const { key, last } of rows) expect([key, last.getTime()]).toEqual([key, acknowledged.get(key) ?? 0]);
  // The one that comes second finds migrations left to apply, and dumps too.
  expect([1, 2]).toContain(readdirSync(join(directory, "dumps")).length);
  rmSync(directory, { recursive: true, force: true });
}, 240_000);
