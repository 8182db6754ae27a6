// Which installation a command works on: it says so, refuses one that is not there, and makes or migrates none.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { commandJson, runCommand } from "../support/command.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { diskDirectory } from "../support/run.ts";
import { startGateway } from "../support/program.ts";

let directory: string;
beforeAll(() => {
  directory = diskDirectory("installation");
}, 240_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }), 60_000);

const COMMANDS = [
  ["systems", "list"],
  ["systems", "add", "--name", "Branch 12"],
  ["systems", "delete", "KEY", "--yes"],
  ["organizations", "list"],
  ["inventory", "prune", "--dry-run"],
  ["inventory", "noise"],
  ["backups", "list"],
  ["tokens", "add", "--name", "grafana"],
  ["queues"],
  ["dump", "/dev/null"],
  ["doctor"],
];

describe("where no installation is", () => {
  test.each(COMMANDS)(
    "muster %s %s says so and makes nothing",
    async (...args) => {
      const missing = join(directory, "missing");
      const { code, stdout, stderr } = await runCommand(args, { DATA_DIR: missing });
      expect(code).toBe(1);
      expect(args[0] === "doctor" ? stdout : stderr).toContain(`There is no installation in ${missing}.`);
      expect(existsSync(missing)).toBe(false);
    },
    240_000,
  );

  test("an empty directory stays empty", async () => {
    const empty = join(directory, "empty");
    mkdirSync(empty);
    expect((await runCommand(["systems", "list"], { DATA_DIR: empty })).stderr).toContain("There is no installation");
    expect(readdirSync(empty)).toEqual([]);
  }, 240_000);

  test("an empty database stays empty, and is named without its password", async () => {
    await using empty = await createTestDatabase({ empty: true });
    for (const args of COMMANDS) {
      const { code, stdout, stderr } = await runCommand(args, { DATABASE_URL: empty.url, DATA_DIR: directory });
      expect(code).toBe(1);
      if (args[0] !== "dump")
        expect(stdout + stderr).toMatch(
          /no installation in the database muster_\w+ at \S+: it has no tables of muster/,
        );
    }
    expect(await empty.database.query("select from pg_class where relname = 'schema_migrations'")).toEqual([]);
  }, 240_000);
});

describe("a schema of another version", () => {
  const versionsOf = async (database: { query(sql: string): Promise<unknown> }) =>
    database.query("select version, applied_at from schema_migrations order by version");

  test("that is older is refused by all but migrate, and stays as it is", async () => {
    await using older = await createTestDatabase();
    const env = { DATABASE_URL: older.url, DATA_DIR: directory };
    await older.database.query(
      "delete from schema_migrations where version = (select max(version) from schema_migrations)",
    );
    const before = await versionsOf(older.database);
    for (const args of [["systems", "list"], ["tokens", "add", "--name", "x"], ["doctor"]]) {
      const { code, stdout, stderr } = await runCommand(args, env);
      expect(code).toBe(1);
      expect(stdout + stderr).toMatch(/has the schema version \d+, and this muster works on version \d+\. /);
      expect(stdout + stderr).toContain("Nothing was changed.");
    }
    expect(await versionsOf(older.database)).toEqual(before);
  }, 240_000);

  test("that is newer is refused, and stays as it is", async () => {
    await using newer = await createTestDatabase();
    await newer.database.query(
      "insert into schema_migrations (version, name, checksum) values (9999, '9999_x.sql', '')",
    );
    for (const args of [["systems", "list"], ["migrate"], ["doctor"]]) {
      const { code, stdout, stderr } = await runCommand(args, { DATABASE_URL: newer.url, DATA_DIR: directory });
      expect(code).toBe(1);
      expect(stdout + stderr).toContain("The database is newer than this muster");
    }
  }, 240_000);
});

describe("what changes something says where", () => {
  test("in a database, without its password, also with --json", async () => {
    await using made = await createTestDatabase();
    const env = { DATABASE_URL: made.url, DATA_DIR: directory };
    const said = /^Changed: the database muster_\w+ at \S+\.$/m;
    const added = await runCommand(["systems", "add", "--name", "a", "--json"], env);
    expect(added.stderr).toMatch(said);
    const key: string = JSON.parse(added.stdout).system_key;
    for (const args of [
      ["systems", "rotate", key],
      ["systems", "suspend", key],
      ["systems", "delete", key, "--yes"],
      ["organizations", "add", "acme", "--name", "Acme"],
      ["tokens", "add", "--name", "t"],
      ["tokens", "revoke", "t"],
      ["inventory", "prune"],
      ["queues", "discard", "collect:processing"],
      ["backups", "sweep"],
    ])
      expect([args, (await runCommand(args, env)).stderr]).toEqual([args, expect.stringMatching(said)]);
    for (const args of [["systems", "list"], ["queues"], ["inventory", "prune", "--dry-run"], ["migrate"]])
      expect((await runCommand(args, env)).stderr).not.toContain("Changed");
  }, 240_000);

  test("in a data directory that migrate made; and beside the gateway that serves from it", async () => {
    const env = { DATA_DIR: join(directory, "made") };
    const migrated = await runCommand(["migrate"], env);
    expect(migrated).toMatchObject({ code: 0, stderr: `Changed: the data directory ${env.DATA_DIR}.\n` });
    await using gateway = await startGateway({ env });
    expect(gateway.url).toStartWith("http");
    const { stderr } = await runCommand(["systems", "add", "--name", "a"], env);
    expect(stderr).toEndWith(`Changed: the data directory ${env.DATA_DIR}.\n`);
  }, 240_000);

  test("beside a gateway that is only starting, a command waits until its database is there", async () => {
    const env = { DATA_DIR: join(directory, "starting") };
    const starting = startGateway({ env });
    while (!existsSync(join(env.DATA_DIR, "muster.lock"))) await Bun.sleep(5);
    expect(await commandJson(["systems", "add", "--name", "a"], env)).toMatchObject({ name: "a" });
    await (await starting).stop();
  }, 240_000);
});
