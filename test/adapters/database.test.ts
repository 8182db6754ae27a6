// The Database port on PostgreSQL: types, transactions, and what callers see when the server misbehaves.
import { describe, expect, test } from "bun:test";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { testLog } from "../support/run.ts";

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
  });

  test("prepares a named statement once on a connection", async () => {
    await using db = await createTestDatabase({ maxConnections: 1 });
    for (const n of [1, 2, 3]) {
      expect(await db.database.query("select $1::int as n", [n], { name: "echo" })).toEqual([{ n }]);
    }
    expect(await db.database.query("select name from pg_prepared_statements")).toEqual([{ name: "echo" }]);
  });

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
  });

  test("says so when a transaction could not commit because an error in it was swallowed", async () => {
    await using db = await createTestDatabase({ maxConnections: 1 });
    const swallowing = db.database.transaction(async (tx) => {
      await tx.query("select 1/0").catch(() => {});
    });
    await expect(swallowing).rejects.toThrow("rolled back because a statement in it had failed");
    expect(await db.database.query("select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("passes the errors of a statement on as they are", async () => {
    await using db = await createTestDatabase();
    await expect(db.database.query("select * from no_such_table")).rejects.toMatchObject({ code: "42P01" });
  });

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
  });

  test("does not wait for a server that hangs, and gives the connection up", async () => {
    await using db = await createTestDatabase();
    const impatient = openDatabase(db.connection, { maxConnections: 1, log: testLog, queryTimeoutMs: 100 });
    await expect(impatient.query("select pg_sleep(30)")).rejects.toMatchObject(UNAVAILABLE);
    expect(await impatient.query("select 1 as one")).toEqual([{ one: 1 }]);
    expect(await impatient.query("select 1 as one, pg_sleep(0.2)", [], { timeoutMs: 5_000 })).toHaveLength(1);
    await impatient.close();
  });

  test("answers 503 when nobody listens, and when it was closed", async () => {
    const nobody = openDatabase(
      { host: "/nonexistent", user: "x", database: "x" },
      { maxConnections: 1, log: testLog },
    );
    await expect(nobody.query("select 1")).rejects.toMatchObject(UNAVAILABLE);
    await nobody.close();
    await expect(nobody.query("select 1")).rejects.toMatchObject(UNAVAILABLE);
    await nobody.close();
  });
});
