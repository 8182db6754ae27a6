// Signals between two connections of one database, and what happens when one of them breaks.
import { describe, expect, test } from "bun:test";
import { openSignals } from "../../src/adapters/postgres/signals.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import type { Signals } from "../../src/ports/signals.ts";
import { createTestDatabase, testLog } from "../support/postgres.ts";
import type { TestDatabase } from "../support/postgres.ts";

const open = ({ connection, database }: TestDatabase) =>
  openSignals({ connection, database, clock: systemClock(), log: testLog });

/** The next message of a channel, as a promise. */
async function nextMessage(signals: Signals, channel: string): Promise<{ message: Promise<string> }> {
  const { promise, resolve } = Promise.withResolvers<string>();
  await signals.subscribe(channel, resolve);
  return { message: promise };
}

describe("signals on PostgreSQL", () => {
  test("a message reaches every subscriber of every process, the sender's own too", async () => {
    await using db = await createTestDatabase();
    const [here, there] = await Promise.all([open(db), open(db)]);
    const seenHere = await nextMessage(here, "credentials");
    const seenThere = await nextMessage(there, "credentials");
    await here.publish("credentials", "NOC-1");
    expect(await Promise.all([seenHere.message, seenThere.message])).toEqual(["NOC-1", "NOC-1"]);
    await Promise.all([here.close(), there.close()]);
  });

  test("a channel's messages stay in it, come in order, and end with the subscription", async () => {
    await using db = await createTestDatabase();
    const signals = await open(db);
    const seen: string[] = [];
    const two = Promise.withResolvers<void>();
    const unsubscribe = await signals.subscribe('odd "name" – ü', (message) => {
      seen.push(message);
      if (message === "two") two.resolve();
    });
    const last = await nextMessage(signals, "last");
    await signals.publish('odd "name" – ü', "one");
    await signals.publish("elsewhere", "no");
    await signals.publish('odd "name" – ü', "two");
    await two.promise;
    unsubscribe();
    await signals.publish('odd "name" – ü', "three");
    await signals.publish("last", "");
    expect(await last.message).toBe("");
    expect(seen).toEqual(["one", "two"]);
    await signals.close();
  });

  test("after its connection was cut it says so, listens again, and delivers", async () => {
    await using db = await createTestDatabase();
    const signals = await open(db);
    const next = await nextMessage(signals, "credentials");
    const gap = new Promise<void>((resolve) => signals.onGap(resolve));
    const cut = await db.database.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'listen%'",
    );
    expect(cut).toHaveLength(1);
    await gap;
    await signals.publish("credentials", "after the gap");
    expect(await next.message).toBe("after the gap");
    await signals.close();
  });

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
  });

  test("a listener that throws does not keep the message from the others", async () => {
    await using db = await createTestDatabase();
    const lines: string[] = [];
    const log = { ...testLog, error: (message: string) => void lines.push(message) };
    const signals = await openSignals({ ...db, clock: systemClock(), log });
    await signals.subscribe("c", () => {
      throw new Error("no");
    });
    const next = await nextMessage(signals, "c");
    await signals.publish("c", "yes");
    expect(await next.message).toBe("yes");
    expect(lines).toEqual(["A listener of a signal failed."]);
    await signals.close();
  });

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
  });
});
