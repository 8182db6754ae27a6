// The Database port on PostgreSQL: types, transactions, and what callers see when the server misbehaves.
import { describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import type { Queryable } from "../../src/ports/database.ts";
import { openHalfOpenWay } from "../support/half-open.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { temporaryDirectory, testLog } from "../support/run.ts";

const UNAVAILABLE = { code: "database.unavailable", status: 503, retryAfterSeconds: 1 };

describe("a database", () => {
  test("gives counts as numbers, what no number holds as text, and times as dates in UTC", async () => {
    await using db = await createTestDatabase();
    const [row] = await db.database.query(
      `select count(*) as count, 9007199254740993::int8 as big, '2026-01-02 03:04:05+01'::timestamptz as at,
        '{"a":1}'::jsonb as document, 1.10::numeric as amount, current_setting('TimeZone') as zone`,
    );
    expect(row).toEqual({
      count: 1,
      big: "9007199254740993",
      at: new Date("2026-01-02T02:04:05Z"),
      document: { a: 1 },
      amount: "1.10",
      zone: "UTC",
    });
  }, 60_000);

  test("prepares a named statement once on a connection", async () => {
    await using db = await createTestDatabase({ maxConnections: 1 });
    for (const n of [1, 2, 3]) {
      expect(await db.database.query("select $1::int as n", [n], { name: "echo" })).toEqual([{ n }]);
    }
    expect(await db.database.query("select name from pg_prepared_statements")).toEqual([{ name: "echo" }]);
  }, 60_000);

  test("commits what succeeds, and keeps nothing of what fails", async () => {
    await using db = await createTestDatabase();
    await db.database.query("create table notes (id int primary key)");
    const answer = await db.database.transaction(async (tx) => {
      await tx.query("insert into notes values (1)");
      return "done";
    });
    expect(answer).toBe("done");
    const failing = db.database.transaction(async (tx) => {
      await tx.query("insert into notes values (2)");
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await db.database.query("select id from notes")).toEqual([{ id: 1 }]);
  }, 60_000);

  test("says so when a transaction could not commit because an error in it was swallowed", async () => {
    await using db = await createTestDatabase({ maxConnections: 1 });
    const swallowing = db.database.transaction(async (tx) => {
      await tx.query("select 1/0").catch(() => {});
    });
    await expect(swallowing).rejects.toThrow("rolled back because a statement in it had failed");
    expect(await db.database.query("select 1 as one")).toEqual([{ one: 1 }]);
  }, 60_000);

  test("passes the errors of a statement on as they are", async () => {
    await using db = await createTestDatabase();
    await expect(db.database.query("select * from no_such_table")).rejects.toMatchObject({ code: "42P01" });
  }, 60_000);

  test("answers 503 when its connection is cut, in a transaction too, and works again at once", async () => {
    await using db = await createTestDatabase({ maxConnections: 1 });
    await using other = await createTestDatabase({ maxConnections: 1 });
    const cutAll = `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1`;
    const [{ name } = { name: "" }] = await db.database.query<{ name: string }>("select current_database() as name");
    const cut = db.database.transaction(async (tx) => {
      await tx.query("select 1");
      await other.database.query(cutAll, [name]);
      await tx.query("select 2");
    });
    await expect(cut).rejects.toMatchObject(UNAVAILABLE);
    expect(await db.database.query("select 1 as one")).toEqual([{ one: 1 }]);
  }, 60_000);

  test("ends a statement past its time on the server too, and says that it is no outage", async () => {
    await using db = await createTestDatabase();
    const impatient = openDatabase(db.connection, { maxConnections: 1, log: testLog, queryTimeoutMs: 500 });
    const pid = () => impatient.query<{ pid: number }>("select pg_backend_pid() as pid");
    const slow = impatient.query("select pg_sleep(60)");
    await expect(slow).rejects.toMatchObject({ code: "database.ended", status: 503, outage: false });
    const running = await db.database.query(
      "select from pg_stat_activity where query like '%pg_sleep(60)%' and state = 'active' and pid <> pg_backend_pid()",
    );
    expect(running).toEqual([]);
    const before = await pid();
    const within = impatient.transaction((tx) => tx.query("select pg_sleep(60)"));
    await expect(within).rejects.toMatchObject({ code: "database.ended", outage: false });
    expect(await pid()).toEqual(before);
    await impatient.close();
  }, 60_000);

  test("gives work its own time where it asks for it, and the next caller the usual one again", async () => {
    await using db = await createTestDatabase();
    const impatient = openDatabase(db.connection, { maxConnections: 1, log: testLog, queryTimeoutMs: 500 });
    const limit = (database: Queryable) =>
      database.query<{ limit: string }>("select current_setting('statement_timeout') as limit");
    const patient = impatient.patient(60_000);
    expect(await limit(impatient)).toEqual([{ limit: "400ms" }]);
    expect(await limit(patient)).toEqual([{ limit: "48s" }]);
    expect(await limit(impatient)).toEqual([{ limit: "400ms" }]);
    expect(await patient.transaction(limit)).toEqual([{ limit: "48s" }]);
    expect(await limit(impatient)).toEqual([{ limit: "400ms" }]);
    await expect(patient.query("select 1 / 0")).rejects.toThrow("division by zero");
    expect(await limit(impatient)).toEqual([{ limit: "400ms" }]);
    await expect(patient.transaction((tx) => tx.query("select 1 / 0"))).rejects.toThrow("division by zero");
    expect(await limit(impatient)).toEqual([{ limit: "400ms" }]);
    expect(await impatient.query("select 1 as one, pg_sleep(1)", [], { timeoutMs: 20_000 })).toHaveLength(1);
    expect(
      await impatient.transaction(async (tx) => {
        await tx.query("select pg_sleep(1)", [], { timeoutMs: 20_000 });
        return limit(tx);
      }),
    ).toEqual([{ limit: "400ms" }]);
    await impatient.close();
  }, 60_000);

  test("does not wait for a server that hangs: that one is away", async () => {
    await using db = await createTestDatabase();
    const url = new URL(db.url);
    const directory = temporaryDirectory("hanging");
    const target = join(url.searchParams.get("host") ?? "", ".s.PGSQL.5432");
    await using way = await openHalfOpenWay(join(directory, ".s.PGSQL.5432"), target);
    const connection = { host: directory, port: 5432, user: url.username, database: url.pathname.slice(1) };
    const impatient = openDatabase(connection, { maxConnections: 1, log: testLog, queryTimeoutMs: 500 });
    expect(await impatient.query("select 1 as one")).toEqual([{ one: 1 }]);
    way.swallow();
    await expect(impatient.query("select 2 as two")).rejects.toMatchObject({ ...UNAVAILABLE, outage: true });
    way.heal();
    expect(await impatient.query("select 3 as three")).toEqual([{ three: 3 }]);
    await impatient.close();
    await rm(directory, { recursive: true, force: true });
  }, 60_000);

  test("answers 503 when nobody listens, and when it was closed", async () => {
    const nobody = openDatabase(
      { host: "/nonexistent", user: "x", database: "x" },
      { maxConnections: 1, log: testLog },
    );
    await expect(nobody.query("select 1")).rejects.toMatchObject(UNAVAILABLE);
    await nobody.close();
    await expect(nobody.query("select 1")).rejects.toMatchObject(UNAVAILABLE);
    await nobody.close();
  }, 60_000);
});
