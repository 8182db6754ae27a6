// A dump is everything, seen at one moment; restored, it is all there again, or nothing is.
import { describe, expect, test } from "bun:test";
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OWNER } from "../support/actor.ts";
import type { PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import { listTables, quoteName } from "../../src/adapters/postgres/tables.ts";
import { openTestApp } from "../support/app.ts";
import type { TestApp } from "../support/app.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { temporaryDirectory } from "../support/run.ts";
import { runJson, runMuster } from "../support/program.ts";
import { filesBelow, openListeningStore, openStoringApp, put } from "../domains/backups/fixture.ts";

const INVENTORIES = join(import.meta.dir, "../support/fixtures/inventories");
const inventory = (name: string) => Bun.file(join(INVENTORIES, name)).text();

/** A little of everything: systems, beats, inventories with changes, backups, alerts, an organisation. */
async function fill(app: TestApp, backups = true) {
  const systems = [await app.addSystem("a", { organization: "acme" }), await app.addSystem("b \\N \\t ü", {})];
  await app.app.api.organizations.change(OWNER, "acme", { name: "Acme", tenant: "t1" });
  for (const system of systems) {
    const { authorization } = system;
    await app.request("POST", "/api/systems/heartbeat", { authorization });
    for (const name of ["ns8-inventory.json", "ns8-inventory-after-30-steps.json"])
      await app.request("POST", "/api/systems/inventory", { authorization, body: await inventory(name) });
    if (backups) await put(app, system, `backup of ${system.system_id}`, { "x-filename": "dump.json.gz.gpg" });
  }
  await app.app.runner.drain();
  return systems;
}

/** Every table's rows as one hash, whatever their order. */
async function hashesOf(database: PostgresDatabase): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const { name, columns } of await listTables(database)) {
    // When a migration was applied is the database's own history.
    const kept = columns.filter((one) => name !== "schema_migrations" || one !== "applied_at").map(quoteName);
    const [row] = await database.query<{ hash: string | null }>(
      `select md5(string_agg(line, '' order by line)) as hash from (select row(${kept})::text as line from ${quoteName(name)}) t`,
    );
    hashes[name] = row?.hash ?? "";
  }
  return hashes;
}

const envOf = (url: string, directory: string) => ({ DATABASE_URL: url, DATA_DIR: directory });

test("what was dumped while it was served is all there after a restore, with its objects, and the appliance comes in", async () => {
  await using app = await openListeningStore();
  const [system] = await fill(app);
  const file = join(app.directory, "everything.tar.zst");
  const dumped = await runJson<Record<string, number>>(["dump", file, "--objects"], {
    env: envOf(app.databaseUrl, app.directory),
  });
  expect(dumped).toMatchObject({ file, objects: 2, objects_missing: [], jobs_in_redis: 0 });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const before = await hashesOf(app.database);

  await using empty = await createTestDatabase({ empty: true });
  const directory = temporaryDirectory("restored");
  try {
    const env = envOf(empty.url, directory);
    const restored = await runJson<Record<string, unknown>>(["restore", file], { env });
    expect(restored).toMatchObject({ missing: [], leftOut: [], objects: { stored: 2, present: 0 } });
    expect(await hashesOf(empty.database)).toEqual(before);
    const names = (root: string) =>
      filesBelow(join(root, "objects"))
        .map((path) => path.slice(root.length))
        .sort();
    expect(names(directory)).toEqual(names(app.directory));
    for (const name of names(directory))
      expect(readFileSync(directory + name)).toEqual(readFileSync(app.directory + name));

    await using again = await openTestApp({ DATA_DIR: directory }, empty);
    const authorization = system?.authorization ?? "";
    expect((await again.request("POST", "/api/systems/heartbeat", { authorization })).status).toBe(200);
    const { body } = await again.request("POST", "/api/systems/inventory", {
      authorization,
      body: await inventory("ns8-inventory-after-30-steps.json"),
    });
    expect(body.data["changes_detected"]).toBe(false);
    // Numbers go on where they were.
    await again.app.runner.drain();
    const added = await again.addSystem("c");
    expect(added.system_key).not.toBe(system?.system_key ?? "");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 240_000);

test("a dump made under load is one moment: every change has its record, and what is restored goes on working", async () => {
  await using app = await openListeningStore({ INVENTORY_RATE_PER_MINUTE: "1000000" });
  const { authorization } = await app.addSystem("busy");
  const first = await inventory("ns8-inventory.json");
  const second = await inventory("ns8-inventory-after-30-steps.json");
  const stop = new AbortController();
  let posted = 0;
  const load = (async () => {
    for (; !stop.signal.aborted; posted += 1) {
      await app.request("POST", "/api/systems/inventory", { authorization, body: posted % 2 ? first : second });
      await Bun.sleep(5);
    }
  })();
  const records = async () => (await app.database.query("select 1 from inventory_records")).length;
  while ((await records()) < 5) await Bun.sleep(20);
  const file = join(app.directory, "busy.tar.zst");
  await runJson(["dump", file], { env: envOf(app.databaseUrl, app.directory) });
  stop.abort();
  await load;
  await using empty = await createTestDatabase({ empty: true });
  const env = envOf(empty.url, app.directory);
  await runJson(["restore", file], { env });
  await using again = await openTestApp({ DATA_DIR: app.directory }, empty);
  await again.app.runner.drain();
  const [faults] = await empty.database.query<{ orphans: number; records: number }>(
    `select (select count(*)::int from inventory_diffs d where not exists (select from inventory_records r where r.id = d.record_id)) as orphans,
       (select count(*)::int from inventory_records) as records`,
  );
  expect(faults?.orphans).toBe(0);
  expect(faults?.records).toBeGreaterThan(1);
}, 240_000);

describe("a restore changes nothing when", () => {
  test("the dump is damaged anywhere, and says where", async () => {
    await using app = await openStoringApp();
    await fill(app);
    const file = join(app.directory, "good.tar.zst");
    await runJson(["dump", file, "--objects"], { env: envOf(app.databaseUrl, app.directory) });
    expect((await runMuster(["restore", file, "--check"], { env: {} })).code).toBe(0);
    const good = readFileSync(file);
    await using empty = await createTestDatabase({ empty: true });
    const bad = join(app.directory, "bad.tar.zst");
    const faults = [
      ["cut", good.subarray(0, Math.floor(good.length / 2))],
      // More than the empty frame of 13 bytes, which the compressor adds when the end comes by itself: it holds nothing.
      ["cut at its end", good.subarray(0, good.length - 40)],
      ["empty", Buffer.alloc(0)],
      ["something else", Buffer.from("not a dump at all, but text")],
      ...[0.1, 0.5, 0.9].map((share) => {
        const flipped = Buffer.from(good);
        const at = Math.floor(good.length * share);
        flipped[at] = (flipped[at] ?? 0) ^ 0x10;
        return [`flipped at ${share}`, flipped] as const;
      }),
    ] as const;
    for (const [how, bytes] of faults) {
      writeFileSync(bad, bytes);
      const { code, stderr } = await runMuster(["restore", bad], { env: envOf(empty.url, app.directory) });
      expect([how, code]).toEqual([how, 1]);
      expect(stderr).toContain("The dump is damaged");
    }
    expect(await listTables(empty.database)).toEqual([]);
  }, 240_000);

  test("the database is not empty, and says what is in it", async () => {
    await using app = await openStoringApp();
    await fill(app, false);
    const file = join(app.directory, "good.tar.zst");
    const env = envOf(app.databaseUrl, app.directory);
    await runJson(["dump", file], { env });
    const before = await hashesOf(app.database);
    const { code, stderr } = await runMuster(["restore", file], { env });
    expect(code).toBe(1);
    expect(stderr).toContain("with 2 systems");
    expect(await hashesOf(app.database)).toEqual(before);
  }, 240_000);

  test("there is no such file, or no file name", async () => {
    const missing = await runMuster(["restore", "/nonexistent/x.tar.zst"], { env: {} });
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining("cannot be read")]);
    expect((await runMuster(["restore"], { env: {} })).code).toBe(2);
    expect((await runMuster(["dump"], { env: {} })).code).toBe(2);
  }, 240_000);
});

test("an object that retention removed is named, and the dump is whole without it", async () => {
  await using app = await openStoringApp();
  await fill(app);
  const [gone] = app.files();
  rmSync(gone ?? "");
  const file = join(app.directory, "without.tar.zst");
  const dumped = await runJson<{ objects: number; objects_missing: string[] }>(["dump", file, "--objects"], {
    env: envOf(app.databaseUrl, app.directory),
  });
  expect([dumped.objects, dumped.objects_missing.length]).toEqual([1, 1]);
  await using empty = await createTestDatabase({ empty: true });
  const directory = temporaryDirectory("restored");
  const restored = await runJson<{ missing: string[] }>(["restore", file], { env: envOf(empty.url, directory) });
  expect(restored.missing).toEqual(dumped.objects_missing);
  rmSync(directory, { recursive: true, force: true });
}, 240_000);

test("a dump that cannot be written leaves nothing behind, and an older one of that name stays", async () => {
  await using app = await openStoringApp();
  const env = envOf(app.databaseUrl, app.directory);
  const { code, stderr } = await runMuster(["dump", join(app.directory, "no/such/directory.zst")], { env });
  expect([code, stderr]).toEqual([1, expect.stringContaining("cannot be written")]);
  expect(readdirSync(app.directory).filter((name) => name.includes("part"))).toEqual([]);
}, 240_000);

test("a dump goes to stdout as -", async () => {
  await using app = await openStoringApp();
  await fill(app, false);
  const child = Bun.spawn(["sh", "-c", `"$0" src/main.ts dump - | tar --zstd -tf - | head -1`, process.execPath], {
    cwd: join(import.meta.dir, "../.."),
    env: { PATH: process.env["PATH"] ?? "", ...envOf(app.databaseUrl, app.directory) },
    stdout: "pipe",
    stderr: "ignore",
  });
  expect((await child.stdout.text()).trim()).toBe("manifest.json");
}, 240_000);

test("scheduled dumps go to the object store, and only so many stay", async () => {
  await using app = await openStoringApp({ DUMP_SCHEDULE: "0 3 * * *", DUMP_KEEP: "2" });
  await fill(app);
  for (const day of [1, 2, 3]) {
    await app.app.scheduler.tick("dump", new Date(`2026-02-0${day}T03:00:00Z`));
    await app.app.runner.drain();
  }
  const dumps = app
    .files()
    .filter((path) => path.includes("muster-dumps"))
    .sort();
  expect(dumps.map((path) => path.slice(path.indexOf("muster-dumps")))).toEqual([
    "muster-dumps/muster-20260202T030000Z.tar.zst",
    "muster-dumps/muster-20260203T030000Z.tar.zst",
  ]);
  // The sweep of backups knows that they are none of its own.
  await app.app.scheduler.tick("backup-sweep", app.clock.now());
  await app.clock.advance(3 * 86_400_000);
  await app.app.scheduler.tick("backup-sweep", app.clock.now());
  await app.app.runner.drain();
  expect(app.files().filter((path) => path.includes("muster-dumps")).length).toBe(2);
  await using empty = await createTestDatabase({ empty: true });
  const { code } = await runMuster(["restore", dumps[1] ?? ""], { env: envOf(empty.url, app.directory) });
  expect(code).toBe(0);
}, 240_000);

test.each(["", "every day", "* * * *", "61 * * * *"])(
  "a schedule of %j is refused at the start, unless it is none",
  async (text) => {
    const { code, stderr } = await runMuster(["config"], { env: { DUMP_SCHEDULE: text, DATA_DIR: "/nonexistent" } });
    expect(code).toBe(text === "" ? 0 : 1);
    if (text !== "") expect(stderr).toContain("DUMP_SCHEDULE must be a cron expression");
  },
  240_000,
);
