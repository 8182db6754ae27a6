// Migrations against a real server: each file once, whoever runs them, and refusals in words.
import { describe, expect, test } from "bun:test";
import { checksumOf, embeddedMigrations, migrate, schemaVersion } from "../../src/adapters/postgres/migrate.ts";
import type { Migration } from "../../src/adapters/postgres/migrate.ts";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { PATIENCE, testLog } from "../support/run.ts";

const file = (version: number, name: string, sql: string): Migration => ({
  version,
  name: `${String(version).padStart(4, "0")}_${name}.sql`,
  sql,
  checksum: checksumOf(sql),
});

const BIRDS = file(1, "birds", "create table birds (name text); insert into birds values ('wren');");
const NESTS = file(2, "nests", "create table nests (id int); create index nests_by_id on nests (id);");

describe("migrations", () => {
  test("an empty database gets every file in order, and a second run does nothing", async () => {
    await using empty = await createTestDatabase({ empty: true });
    expect(await schemaVersion(empty.database)).toBe(0);
    expect(await migrate(empty.database, testLog, [BIRDS, NESTS])).toEqual({
      applied: ["0001_birds.sql", "0002_nests.sql"],
      version: 2,
    });
    expect(await migrate(empty.database, testLog, [BIRDS, NESTS])).toEqual({ applied: [], version: 2 });
    expect(await schemaVersion(empty.database)).toBe(2);
    expect(await empty.database.query<{ name: string }>("select name from birds")).toEqual([{ name: "wren" }]);
  }, 60_000);

  test("Muster's own files apply to an empty database", async () => {
    await using empty = await createTestDatabase({ empty: true });
    const { applied, version } = await migrate(empty.database, testLog);
    expect(applied).toEqual(embeddedMigrations().map((one) => one.name));
    expect(applied[0]).toBe("0001_systems.sql");
    expect(await schemaVersion(empty.database)).toBe(version);
  }, 60_000);

  test("five processes at once apply each file exactly once", async () => {
    await using empty = await createTestDatabase({ empty: true });
    const pools = Array.from({ length: 5 }, () =>
      openDatabase(empty.connection, { maxConnections: 2, log: testLog, patience: PATIENCE }),
    );
    const results = await Promise.all(pools.map((pool) => migrate(pool, testLog, [BIRDS, NESTS])));
    await Promise.all(pools.map((pool) => pool.close()));
    expect(results.flatMap((result) => result.applied).sort()).toEqual(["0001_birds.sql", "0002_nests.sql"]);
    expect(await empty.database.query("select * from birds")).toHaveLength(1);
  }, 60_000);

  test("a file that fails leaves nothing of itself, and what came before stays", async () => {
    await using empty = await createTestDatabase({ empty: true });
    const broken = file(2, "broken", "create table half (id int); insert into no_such_table values (1);");
    await expect(migrate(empty.database, testLog, [BIRDS, broken])).rejects.toThrow("no_such_table");
    expect(await schemaVersion(empty.database)).toBe(1);
    expect(await empty.database.query("select to_regclass('half') as half")).toEqual([{ half: null }]);
    expect(await migrate(empty.database, testLog, [BIRDS, NESTS])).toEqual({ applied: ["0002_nests.sql"], version: 2 });
  }, 60_000);

  test("a database from a newer muster is refused in words and left alone", async () => {
    await using empty = await createTestDatabase({ empty: true });
    await migrate(empty.database, testLog, [BIRDS, NESTS]);
    await expect(migrate(empty.database, testLog, [BIRDS])).rejects.toThrow(
      "The database is newer than this muster: it has the migration 0002_nests.sql",
    );
    expect(await schemaVersion(empty.database)).toBe(2);
  }, 60_000);

  test("a file that was edited after it had been applied is refused by name", async () => {
    await using empty = await createTestDatabase({ empty: true });
    await migrate(empty.database, testLog, [BIRDS]);
    const edited = file(1, "birds", `${BIRDS.sql} -- edited`);
    await expect(migrate(empty.database, testLog, [edited, NESTS])).rejects.toThrow(
      "The migration 0001_birds.sql was changed after this database had applied it.",
    );
    expect(await schemaVersion(empty.database)).toBe(1);
  }, 60_000);
});
