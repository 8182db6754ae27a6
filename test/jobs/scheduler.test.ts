// One job a tick, however many processes tick, however late.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { openScheduler } from "../../src/jobs/scheduler.ts";
import { createSeverableDatabase } from "../support/severable.ts";
import type { SeverableDatabase } from "../support/severable.ts";
import { openJobs } from "./fixture.ts";
import { until } from "./until.ts";

const EVERY_MINUTE = { name: "monitor", cron: "* * * * *", queue: "work" };
const NIGHTLY = { name: "sweep", cron: "30 2 * * *", queue: "sweeps" };
const MINUTE = new Date("2026-01-01T00:01:00.000Z");

let fixture: SeverableDatabase;
beforeAll(async () => {
  fixture = await createSeverableDatabase();
}, 60_000);
afterAll(() => fixture[Symbol.asyncDispose](), 60_000);
beforeEach(() => fixture.direct.query("truncate jobs, held_job_keys"), 60_000);

function openScheduled(schedules = [EVERY_MINUTE]) {
  const jobs = openJobs(fixture.database);
  return { ...jobs, scheduler: openScheduler({ ...jobs, schedules }) };
}

test("ticks on the minute, in UTC, with the tick's time as payload", async () => {
  const { scheduler, clock, queue } = openScheduled([EVERY_MINUTE, NIGHTLY]);
  await clock.advance(30_000);
  scheduler.start();
  const listed = async (name: string) => (await queue.list(name, "pending", 1_000)).map((job) => job.payload);
  await clock.advance(29_999);
  expect(await listed("work")).toEqual([]);
  await clock.advance(1);
  await until(async () => (await listed("work")).length === 1);
  expect(await listed("work")).toEqual(["2026-01-01T00:01:00.000Z"]);
  for (let minute = 2; minute <= 150; minute += 1) {
    await clock.advance(60_000);
    await until(async () => (await listed("work")).length === minute);
  }
  await until(async () => (await listed("sweeps")).length === 1);
  expect(await listed("sweeps")).toEqual(["2026-01-01T02:30:00.000Z"]);
  scheduler.stop();
  expect(clock.pending()).toBe(0);
}, 60_000);

test("two processes that tick 200 ms apart make one job, though the first has already run and settled it", async () => {
  const first = openScheduled();
  const second = openScheduled();
  const [run] = [
    first.runner({ queue: "work", batch: 1, batchBytes: 1, concurrency: 1, leaseMs: 1_000, handle: async () => {} }),
  ];
  await first.clock.advance(60_000);
  await second.clock.advance(60_200);
  await first.scheduler.tick("monitor", MINUTE);
  await run?.drain();
  expect(run?.stats()["work"]?.done).toBe(1);
  await second.scheduler.tick("monitor", MINUTE);
  expect(await second.counts()).toMatchObject({ pending: 0 });
  await Promise.all(
    [first, second].map(({ scheduler }) => scheduler.tick("monitor", new Date("2026-01-01T00:02:00Z"))),
  );
  expect(await second.counts()).toMatchObject({ pending: 1 });
});

test("remembers no tick for longer than it must", async () => {
  const { scheduler, clock } = openScheduled();
  for (let minute = 0; minute < 200; minute += 1) {
    await scheduler.tick("monitor", clock.now());
    await clock.advance(60_000);
  }
  const [held] = await fixture.direct.query<{ count: number }>("select count(*) from held_job_keys");
  expect(held?.count).toBeGreaterThan(30);
  expect(held?.count).toBeLessThan(70);
}, 60_000);

test("a schedule that always fails goes on ticking, and leaves its ten newest dead jobs", async () => {
  const { scheduler, clock, queue } = openScheduled();
  const ticks: string[] = [];
  for (let minute = 0; minute < 15; minute += 1) {
    const time = clock.now();
    await scheduler.tick("monitor", time);
    const [job] = await queue.claim(["work"], { count: 1, bytes: 1 }, 1_000);
    if (job) await queue.bury(job, "broken");
    ticks.push(time.toISOString());
    await clock.advance(60_000);
  }
  await scheduler.tick("monitor", clock.now());
  expect((await queue.list("work", "dead", 100)).map((job) => job.payload)).toEqual(ticks.slice(-10));
});

test("refuses a name that no schedule has", async () => {
  const { scheduler } = openScheduled();
  expect(await scheduler.tick("monitro", MINUTE).catch((error: Error) => error.message)).toContain('"monitro"');
});

test("makes up for a tick that fell into an outage", async () => {
  const { scheduler, clock, lines } = openScheduled();
  const elsewhere = openJobs(fixture.direct);
  scheduler.start();
  await fixture.cut();
  await until(() => lines.some((line) => line.includes("is away")), clock, 1_000);
  await until(() => clock.now() > new Date("2026-01-01T00:01:30Z"), clock, 1_000);
  await fixture.mend();
  await elsewhere.clock.advance(3_600_000);
  await until(async () => (await elsewhere.queue.list("work", "pending", 10)).length > 0, clock, 500);
  expect((await elsewhere.queue.list("work", "pending", 1))[0]?.payload).toBe("2026-01-01T00:01:00.000Z");
  expect(lines.filter((line) => line.includes("is away"))).toHaveLength(1);
  scheduler.stop();
});
