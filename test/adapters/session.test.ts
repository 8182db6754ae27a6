// A connection of its own for dumps and restores: COPY both ways, no faster than the slower side, and what ends it.
import { describe, expect, test } from "bun:test";
import { openSession } from "../../src/adapters/postgres/session.ts";
import { createTestDatabase } from "../support/postgres.ts";

const MIB = 1024 ** 2;
/** What sockets and streams may hold between the two sides. */
const HELD_BYTES = 16 * MIB;
const ROWS = 64_000;
/** 64 MB that nobody stores. */
const COPY_OUT = `copy (select n, repeat('x', 1000) from generate_series(1, ${ROWS}) n) to stdout`;

/** Ends when the count stays the same while the other side had many turns. */
async function untilStill(count: () => Promise<number> | number): Promise<number> {
  let last = -1;
  for (let same = 0; same < 20;) {
    const now = await count();
    same = now === last ? same + 1 : 0;
    last = now;
    await Bun.sleep(10);
  }
  return last;
}

describe("a session", () => {
  test("copies a table out and in again, byte for byte, and tells the rows", async () => {
    await using db = await createTestDatabase();
    await db.database.query(
      `create table notes as select n as id, repeat(chr(97 + n % 26), 1000) as text from generate_series(1, 8000) n`,
    );
    await db.database.query(`create table copies (like notes)`);
    const session = await openSession(db.connection);
    const other = await openSession(db.connection);
    const out = session.copyOut("copy notes to stdout");
    const copy = other.copyIn("copy copies from stdin");
    for (;;) {
      const { done, value } = await out.next();
      if (done) {
        expect(value).toBe(8_000);
        break;
      }
      await copy.write(value);
    }
    expect(await copy.end()).toBe(8_000);
    const [row] = await other.query(`select count(*) as count from (table notes except all table copies) one`);
    expect(row).toEqual({ count: 0 });
    // Both connections go on.
    expect(await session.query("select 1 as one")).toEqual([{ one: 1 }]);
    await session.close();
    await other.close();
  }, 60_000);

  test("tells the rows of tables of any size, empty ones too", async () => {
    await using db = await createTestDatabase();
    const session = await openSession(db.connection);
    for (const rows of [0, 1, 7, 63, 64, 65, 129, 1_000]) {
      const out = session.copyOut(`copy (select repeat('x', 1017) from generate_series(1, ${rows})) to stdout`);
      let bytes = 0;
      for (;;) {
        const { done, value } = await out.next();
        if (done) {
          expect([rows, bytes, value]).toEqual([rows, rows * 1018, rows]);
          break;
        }
        bytes += value.byteLength;
      }
    }
    await session.close();
  }, 60_000);

  test("copies out no faster than it is read", async () => {
    await using db = await createTestDatabase();
    const session = await openSession(db.connection);
    const out = session.copyOut(COPY_OUT);
    await out.next();
    const processed = async () => {
      const [row] = await db.database.query<{ bytes: number }>(
        `select bytes_processed as bytes from pg_stat_progress_copy`,
      );
      return row?.bytes ?? Infinity;
    };
    expect(await untilStill(processed)).toBeLessThan(HELD_BYTES);
    await out.return(0);
    await session.close();
  }, 60_000);

  test("copies in no faster than the server takes it", async () => {
    await using db = await createTestDatabase();
    await db.database.query(`create table notes (id int, text text)`);
    await db.database.query(
      `create function wait() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(1); return new; end $$`,
    );
    await db.database.query(`create trigger wait before insert on notes for each row execute function wait()`);
    const holder = await openSession(db.connection);
    await holder.query("select pg_advisory_lock(1)");
    const session = await openSession(db.connection);
    const copy = session.copyIn("copy notes from stdin");
    const chunk = Buffer.from(`1\t${"x".repeat(997)}\n`.repeat(64));
    let written = 0;
    const writing = (async () => {
      for (let n = 0; n < 1_000; n += 1) {
        await copy.write(chunk);
        written += chunk.byteLength;
      }
    })();
    expect(await untilStill(() => written)).toBeLessThan(HELD_BYTES);
    await holder.close();
    await writing;
    expect(await copy.end()).toBe(64_000);
    await session.close();
  }, 60_000);

  test("given up half-way, takes the connection along", async () => {
    await using db = await createTestDatabase();
    const session = await openSession(db.connection);
    for await (const _ of session.copyOut(COPY_OUT)) break;
    await expect(session.query("select 1")).rejects.toMatchObject({ code: "database.unavailable" });
    await session.close();
  }, 60_000);

  test("says what the server says, before the first byte and after", async () => {
    await using db = await createTestDatabase();
    const session = await openSession(db.connection);
    await expect(session.copyOut("copy nothing to stdout").next()).rejects.toThrow('relation "nothing" does not exist');
    await session.query("create table notes (id int, text text)");
    const failing = async () => {
      for await (const _ of session.copyOut(
        `copy (select 1 / (${ROWS} - n) from generate_series(1, ${ROWS}) n) to stdout`,
      ));
    };
    await expect(failing()).rejects.toThrow("division by zero");
    const into = async (statement: string, text: string, times: number) => {
      const copy = session.copyIn(statement);
      for (let n = 0; n < times; n += 1) await copy.write(Buffer.from(text));
      return copy.end();
    };
    await expect(into("copy nothing from stdin", "1\n", 1)).rejects.toThrow('relation "nothing" does not exist');
    await expect(into("copy notes from stdin", "one\ttext\n", 1)).rejects.toThrow("invalid input syntax");
    await expect(into("copy notes from stdin", "one\ttext\n".repeat(8_000), 1_000)).rejects.toThrow(
      "invalid input syntax",
    );
    // After each of them the connection goes on.
    expect(await session.query("select 1 as one")).toEqual([{ one: 1 }]);
    await session.close();
  }, 60_000);

  test.each(["out", "in"] as const)(
    "aborted in a copy %s, ends it",
    async (direction) => {
      await using db = await createTestDatabase();
      await db.database.query("create table notes (id int, text text)");
      const aborting = new AbortController();
      const session = await openSession(db.connection, aborting.signal);
      const run = async () => {
        if (direction === "out") {
          for await (const _ of session.copyOut(COPY_OUT)) aborting.abort(new Error("enough"));
          return;
        }
        const copy = session.copyIn("copy notes from stdin");
        await copy.write(Buffer.from("1\tone\n"));
        aborting.abort(new Error("enough"));
        await copy.end();
      };
      await expect(run()).rejects.toMatchObject({ code: "database.unavailable" });
      await expect(session.query("select 1")).rejects.toThrow("enough");
      await session.close();
    },
    60_000,
  );

  test("ended by the server in a copy, says that the database is away", async () => {
    await using db = await createTestDatabase();
    await db.database.query("create table notes (id int, text text)");
    for (const direction of ["out", "in"] as const) {
      const session = await openSession(db.connection);
      const [backend] = await session.query<{ pid: number }>("select pg_backend_pid() as pid");
      const end = () => db.database.query("select pg_terminate_backend($1)", [backend?.pid]);
      const run = async () => {
        if (direction === "out") {
          const out = session.copyOut(COPY_OUT);
          await out.next();
          await end();
          for await (const _ of out);
          return;
        }
        const copy = session.copyIn("copy notes from stdin");
        await end();
        for (let n = 0; n < 1_000; n += 1) await copy.write(Buffer.from("1\tone\n".repeat(8_000)));
        await copy.end();
      };
      await expect(run()).rejects.toMatchObject({ code: "database.unavailable" });
      await session.close();
    }
  }, 60_000);
});
