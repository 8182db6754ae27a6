// The running runner: waking, polling, concurrency, leases, stopping.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { createTestDatabase } from "../support/postgres.ts";
import type { TestDatabase } from "../support/postgres.ts";
import { LEASE_MS, POLL_MS, gate, handlerOf, openJobs } from "./fixture.ts";
import { until } from "./until.ts";

let fixture: TestDatabase;
beforeAll(async () => {
  fixture = await createTestDatabase();
}, 60_000);
afterAll(() => fixture[Symbol.asyncDispose](), 60_000);
beforeEach(() => fixture.database.query("truncate jobs, held_job_keys"), 60_000);

test("starts a job as soon as this process pushed it, and a follow-up as soon as it follows", async () => {
  const { runner, push, counts, clock } = openJobs(fixture.database);
  const seen: string[] = [];
  const opened = runner(
    handlerOf(async (jobs) => jobs.map((job) => [{ queue: "next", payload: job.payload }])),
    handlerOf(async (jobs) => void seen.push(...jobs.map((job) => job.payload)), { queue: "next" }),
  );
  opened.start();
  const startedAt = clock.now();
  await push("a");
  await until(() => seen.length === 1);
  await push("b", "c");
  await until(() => seen.length === 3);
  expect(clock.now()).toEqual(startedAt);
  expect(await opened.stop(1_000)).toBe(0);
  expect(await counts("next")).toMatchObject({ pending: 0, active: 0 });
  expect(clock.pending()).toBe(0);
}, 60_000);

test("finds what another process pushed, and what time made due, by polling", async () => {
  const { runner, clock, queue } = openJobs(fixture.database);
  const elsewhere = openJobs(fixture.database);
  const seen: string[] = [];
  const opened = runner(handlerOf(async (jobs) => void seen.push(...jobs.map((job) => job.payload))));
  opened.start();
  await elsewhere.push("foreign");
  await until(() => seen.length === 1, clock, POLL_MS / 10);
  expect(seen).toEqual(["foreign"]);
  const dueAt = clock.now().getTime() + 20_000;
  await queue.push([{ queue: "work", payload: "late", delayMs: 20_000 }]);
  await until(() => seen.length === 2, clock, POLL_MS);
  expect(clock.now().getTime()).toBeGreaterThanOrEqual(dueAt);
  await opened.stop(1_000);
}, 60_000);

test("lingers after a batch that was not full, so that what comes meanwhile is done at once", async () => {
  const { runner, push, clock } = openJobs(fixture.database);
  const batches: number[] = [];
  const opened = runner(handlerOf(async (jobs) => void batches.push(jobs.length), { batch: 10, lingerMs: 200 }));
  opened.start();
  await push("a");
  await until(() => batches.length === 1);
  await push("b");
  await push("c", "d");
  await until(() => batches.length === 2, clock, 50);
  expect(batches).toEqual([1, 3]);
  expect(await opened.stop(1_000)).toBe(0);
}, 60_000);

test("runs as many batches at once as the handler allows, and no more", async () => {
  const { runner, push } = openJobs(fixture.database);
  const door = gate();
  let running = 0;
  let most = 0;
  const opened = runner(
    handlerOf(
      async () => {
        most = Math.max(most, (running += 1));
        await door.passed;
        running -= 1;
      },
      { batch: 1, concurrency: 3 },
    ),
  );
  await push("1", "2", "3", "4", "5");
  opened.start();
  await until(() => running === 3);
  expect(opened.stats()["work"]).toMatchObject({ running: 3, done: 0 });
  door.open();
  await until(() => opened.stats()["work"]?.done === 5);
  expect(most).toBe(3);
  await opened.stop(1_000);
}, 60_000);

test("a stop claims nothing more, and lets what runs finish and settle", async () => {
  const { runner, push, queue, clock } = openJobs(fixture.database);
  const door = gate();
  const started: string[] = [];
  const opened = runner(
    handlerOf(
      async (jobs) => {
        started.push(...jobs.map((job) => job.payload));
        await door.passed;
        return jobs.map((job) => [{ queue: "next", payload: job.payload }]);
      },
      { batch: 1 },
    ),
  );
  opened.start();
  await push("a", "b");
  await until(() => started.length === 1);
  const stopped = opened.stop(60_000);
  await push("c");
  door.open();
  expect(await stopped).toBe(0);
  expect(started).toEqual(["a"]);
  expect((await queue.list("next", "pending", 10)).map((job) => job.payload)).toEqual(["a"]);
  expect((await queue.list("work", "pending", 10)).map((job) => job.payload)).toEqual(["b", "c"]);
  expect(clock.pending()).toBe(0);
}, 60_000);

test("a stop at its deadline says how many jobs it left, and they come back by their lease", async () => {
  const { runner, push, counts, clock } = openJobs(fixture.database);
  const door = gate();
  const opened = runner(handlerOf(() => door.passed));
  await push("stuck");
  opened.start();
  await until(() => opened.stats()["work"]?.running === 1);
  const stopped = opened.stop(5_000);
  await clock.advance(5_000);
  expect(await stopped).toBe(1);
  expect(await counts()).toMatchObject({ active: 1 });
  door.open();
  await until(() => opened.stats()["work"]?.running === 0);
}, 60_000);

test("keeps a lease for as long as its handler works", async () => {
  const { runner, push, queue, clock } = openJobs(fixture.database);
  const door = gate();
  const opened = runner(handlerOf(() => door.passed));
  await push("slow");
  opened.start();
  await until(() => opened.stats()["work"]?.running === 1);
  for (let third = 0; third < 9; third += 1) {
    const dueBefore = (await queue.list("work", "active", 1))[0]?.dueAt.getTime() ?? 0;
    await clock.advance(LEASE_MS / 3);
    await until(async () => ((await queue.list("work", "active", 1))[0]?.dueAt.getTime() ?? 0) > dueBefore);
    expect(await queue.claim(["work"], { count: 1, bytes: 1 }, LEASE_MS)).toEqual([]);
  }
  door.open();
  await until(() => opened.stats()["work"]?.done === 1);
  expect(await queue.counts()).toEqual({});
  await opened.stop(1_000);
  expect(clock.pending()).toBe(0);
}, 60_000);

test("drops the outcome of a job whose lease was lost", async () => {
  const { runner, push, queue, lines } = openJobs(fixture.database);
  const door = gate();
  const opened = runner(
    handlerOf(async (jobs) => {
      await door.passed;
      return jobs.map(() => [{ queue: "next", payload: "from the loser" }]);
    }),
  );
  await push("contested");
  opened.start();
  await until(() => opened.stats()["work"]?.running === 1);
  const late = openJobs(fixture.database);
  await late.clock.advance(LEASE_MS);
  const [held] = await late.queue.claim(["work"], { count: 1, bytes: 1 }, LEASE_MS);
  expect(held?.attempt).toBe(2);
  door.open();
  await until(() => opened.stats()["work"]?.running === 0);
  expect(opened.stats()["work"]).toMatchObject({ done: 0 });
  expect(lines.join("")).toContain("leases were lost");
  expect(await queue.list("next", "pending", 10)).toEqual([]);
  expect(held && (await late.queue.settle([{ job: held, followUps: [] }]))).toEqual([held?.id ?? ""]);
  await opened.stop(1_000);
}, 60_000);

test("a job that failed before takes its time beside the others, who do not wait for it", async () => {
  const { runner, push, clock, counts } = openJobs(fixture.database);
  const slow = gate();
  const seen: string[] = [];
  const opened = runner(
    handlerOf(async (jobs) => {
      for (const job of jobs) {
        if (job.payload === "slow" && job.attempt === 1) throw new Error("past its time");
        if (job.payload === "slow") await slow.passed;
        seen.push(job.payload);
      }
    }),
  );
  opened.start();
  await push("slow");
  await until(() => opened.stats()["work"]?.failed === 1);
  await until(async () => (await counts()).delayed === 1);
  await until(() => opened.stats()["work"]?.running === 1, clock, POLL_MS);
  for (const payload of ["a", "b", "c"]) {
    await push(payload);
    await until(() => seen.includes(payload));
  }
  expect(seen).toEqual(["a", "b", "c"]);
  slow.open();
  await until(() => seen.includes("slow"));
  expect(await opened.stop(1_000)).toBe(0);
}, 60_000);

test("a job that says it takes long runs beside the others, who do not wait for it", async () => {
  const { runner, push } = openJobs(fixture.database);
  const slow = gate();
  const seen: string[] = [];
  const opened = runner({
    ...handlerOf(async (jobs) => {
      for (const job of jobs) {
        if (job.payload === "long") await slow.passed;
        seen.push(job.payload);
      }
    }),
    isLong: (job) => job.payload === "long",
  });
  opened.start();
  await push("long");
  await until(() => opened.stats()["work"]?.running === 1);
  for (const payload of ["a", "b", "c"]) {
    await push(payload);
    await until(() => seen.includes(payload));
  }
  expect(seen).toEqual(["a", "b", "c"]);
  slow.open();
  await until(() => seen.includes("long"));
  expect(await opened.stop(1_000)).toBe(0);
}, 60_000);
