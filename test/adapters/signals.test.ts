// Signals in PostgreSQL keep the port's promises, and say what PostgreSQL cannot carry.
import { describe, expect, test } from "bun:test";
import { openSignals } from "../../src/adapters/postgres/signals.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { nextMessage, signalsContract } from "../contract/signals.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { testLog } from "../support/run.ts";
import type { TestDatabase } from "../support/postgres.ts";

const open = ({ connection, database }: TestDatabase, log = testLog) =>
  openSignals({ connection, database, clock: systemClock(), log });

signalsContract("PostgreSQL", async () => {
  const db = await createTestDatabase();
  return {
    open: (log) => open(db, log),
    async cut() {
      const cut = await db.database.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'listen%'",
      );
      expect(cut).toHaveLength(1);
    },
    close: () => db[Symbol.asyncDispose](),
  };
});

describe("signals on PostgreSQL", () => {
  test("a message that PostgreSQL could not carry is refused before it is sent", async () => {
    await using db = await createTestDatabase();
    const signals = await open(db);
    const longest = "x".repeat(7_999);
    const next = await nextMessage(signals, "c");
    await signals.publish("c", longest);
    expect(await next.message).toBe(longest);
    expect(signals.publish("c", "ü".repeat(4_000))).rejects.toThrow("at most 7999 bytes, got 8000");
    expect(signals.subscribe("x".repeat(64), () => {})).rejects.toThrow("at most 63 bytes, got 64");
    await signals.close();
  }, 60_000);

  test("closing leaves no connection behind", async () => {
    await using db = await createTestDatabase();
    const signals = await open(db);
    await signals.close();
    for (;;) {
      const rows = await db.database.query(
        "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
      );
      if (rows.length === 0) break;
    }
  }, 60_000);
});
