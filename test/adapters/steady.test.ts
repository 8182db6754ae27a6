// A machine's clock that is set back or ahead: work already accepted does not wait for it.
import { describe, expect, test } from "bun:test";
import { openPostgresQueue } from "../../src/adapters/postgres/queue/queue.ts";
import { openBacklog } from "../../src/adapters/postgres/queue/backlog.ts";
import { steadyClock } from "../../src/adapters/system/steady.ts";
import { testClock } from "../support/clock.ts";
import { createTestDatabase } from "../support/postgres.ts";

const HOUR_MS = 3_600_000;

describe("a steady clock", () => {
  test("follows jumps ahead and never goes back", async () => {
    const clock = testClock();
    const steady = steadyClock(clock);
    const startMs = steady.now().getTime();
    await clock.advance(HOUR_MS);
    expect(steady.now().getTime() - startMs).toBe(HOUR_MS);
    await clock.advance(-HOUR_MS);
    expect(steady.now().getTime() - startMs).toBeGreaterThanOrEqual(HOUR_MS);
  }, 60_000);

  test("stands where its clock stands", async () => {
    const steady = steadyClock(testClock());
    const startMs = steady.now().getTime();
    await Bun.sleep(20);
    expect(steady.now().getTime()).toBe(startMs);
  }, 60_000);

  test("goes on slowly after its clock was set back, so that the two meet again", async () => {
    const clock = testClock();
    const steady = steadyClock(clock);
    const startMs = steady.now().getTime();
    const before = performance.now();
    await clock.advance(-HOUR_MS);
    await Bun.sleep(40);
    const passedMs = steady.now().getTime() - startMs;
    expect(passedMs).toBeGreaterThan(0);
    expect(passedMs).toBeLessThan(performance.now() - before);
  }, 60_000);

  test("lets a queue give out at once what was pushed before the clock was set back by an hour", async () => {
    await using fixture = await createTestDatabase();
    const clock = testClock();
    const queue = openPostgresQueue({ database: fixture.database, clock: steadyClock(clock) });
    await queue.push([{ queue: "work", payload: "before" }]);
    await clock.advance(-HOUR_MS);
    await queue.push([{ queue: "work", payload: "after" }]);
    const claimed = await queue.claim(["work"], { count: 10, bytes: 1_000 }, 60_000);
    expect(claimed.map(({ payload }) => payload)).toEqual(["before", "after"]);
    await queue.close();
  }, 60_000);
});

test("the backlog is counted anew when the clock was set back", async () => {
  const clock = testClock();
  let waiting = 1;
  const backlog = openBacklog(clock, async () => waiting);
  expect(await backlog.read()).toBe(1);
  waiting = 2;
  await clock.advance(-HOUR_MS);
  await backlog.read();
  expect(await backlog.read()).toBe(2);
}, 60_000);
