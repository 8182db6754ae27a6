// The queue in PostgreSQL keeps the queue's promises, and stays quick where only PostgreSQL could be slow.
import { expect, test } from "bun:test";
import { openPostgresQueue } from "../../src/adapters/postgres/queue/queue.ts";
import { ANY, LEASE_MS, queueContract } from "../contract/queue.ts";
import { testClock } from "../support/clock.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { backendsOf } from "../support/cpu.ts";

queueContract("PostgreSQL", async () => {
  const { database, [Symbol.asyncDispose]: close } = await createTestDatabase();
  const clock = testClock();
  return {
    clock,
    workers: () => backendsOf(database),
    openQueue: async () => openPostgresQueue({ database, clock }),
    close,
  };
});

test("a claim reads as much with 40,000 jobs waiting as with 200, on a table that was never analysed", async () => {
  await using fixture = await createTestDatabase({ maxConnections: 1 });
  const { database } = fixture;
  const clock = testClock();
  const queue = openPostgresQueue({ database, clock });
  await database.query("alter table jobs set (autovacuum_enabled = off)");
  const push = (count: number) =>
    queue.push(
      Array.from({ length: count }, (_, index) => ({
        queue: "q",
        payload: `payload ${index}`,
        lane: index % 2 ? `${index}` : undefined,
      })),
    );
  const blocksRead = async () => {
    const [row] = await database.query<{ blocks: number }>(
      "select pg_stat_force_next_flush(), heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit as blocks from pg_statio_user_tables where relname = 'jobs'",
    );
    return row?.blocks ?? 0;
  };
  const blocksOfTurn = async () => {
    await blocksRead();
    const before = await blocksRead();
    const jobs = await queue.claim(["q"], { ...ANY, count: 20 }, LEASE_MS);
    expect(jobs).toHaveLength(20);
    await queue.settle(jobs.map((job) => ({ job, followUps: [] })));
    await blocksRead();
    return (await blocksRead()) - before;
  };
  await push(200);
  for (let turn = 0; turn < 3; turn += 1) await blocksOfTurn();
  const few = await blocksOfTurn();
  for (let pushed = 0; pushed < 40_000; pushed += 2_000) await push(2_000);
  const many = await blocksOfTurn();
  expect(few).toBeGreaterThan(0);
  expect(many / few).toBeLessThan(4);
}, 60_000);
