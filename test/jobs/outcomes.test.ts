// What becomes of a job when its handler succeeds, fails, or says how it failed.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { Failure, Permanent, Retry } from "../../src/errors.ts";
import { createTestDatabase } from "../support/postgres.ts";
import type { TestDatabase } from "../support/postgres.ts";
import { handlerOf, openJobs } from "./fixture.ts";

let fixture: TestDatabase;
beforeAll(async () => {
  fixture = await createTestDatabase();
}, 60_000);
afterAll(() => fixture[Symbol.asyncDispose](), 60_000);
beforeEach(() => fixture.database.query("truncate jobs, held_job_keys"), 60_000);

test("runs everything due, and what follows from it, until nothing is left", async () => {
  const { runner, queue, push } = openJobs(fixture.database);
  const seen: string[] = [];
  const first = handlerOf(async (jobs) =>
    jobs.map((job) => ["x", "y"].map((part) => ({ queue: "next", payload: job.payload + part }))),
  );
  const next = handlerOf(async (jobs) => void seen.push(...jobs.map((job) => job.payload)), { queue: "next" });
  await push("a", "b");
  const opened = runner(next, first);
  await opened.drain();
  expect(seen).toEqual(["ax", "ay", "bx", "by"]);
  expect(await queue.counts()).toEqual({});
  expect(opened.stats()).toMatchObject({
    work: { running: 0, done: 2, failed: 0, buried: 0 },
    next: { running: 0, done: 4, failed: 0, buried: 0 },
  });
}, 60_000);

test("hands over no more jobs or bytes at once than the handler takes", async () => {
  const { runner, push } = openJobs(fixture.database);
  const sizes: number[] = [];
  await push("1", "2", "3", "4", "5", "x".repeat(100), "y".repeat(100));
  await runner(handlerOf(async (jobs) => void sizes.push(jobs.length), { batch: 3, batchBytes: 110 })).drain();
  expect(sizes).toEqual([3, 3, 1]);
}, 60_000);

test("splits a poison job off, lets its neighbours pass at once, and never runs it with them again", async () => {
  const { runner, clock, counts, push } = openJobs(fixture.database);
  const done: string[] = [];
  const calls: string[][] = [];
  const opened = runner(
    handlerOf(async (jobs) => {
      calls.push(jobs.map((job) => job.payload));
      if (jobs.some((job) => job.payload === "poison")) throw new Error("cannot read it");
      done.push(...jobs.map((job) => job.payload));
    }),
  );
  await push("a", "b", "poison", "c");
  await opened.drain();
  expect(done.toSorted()).toEqual(["a", "b", "c"]);
  expect(calls[0]).toEqual(["a", "b", "poison", "c"]);
  expect(await counts()).toMatchObject({ pending: 0, delayed: 1, dead: 0 });
  await push("d");
  await clock.advance(5_000);
  await opened.drain();
  expect(done.filter((payload) => payload === "d")).toHaveLength(1);
  expect(opened.stats()["work"]).toMatchObject({ done: 4, failed: 2 });
}, 60_000);

test("tries a failing job after 5, 10, 20 and 40 s, then keeps it dead with its reason and attempts", async () => {
  const { runner, clock, queue, push, lines } = openJobs(fixture.database);
  const startedAt = clock.now().getTime();
  const triedAt: number[] = [];
  const opened = runner(
    handlerOf(async ([job]) => {
      triedAt.push(clock.now().getTime() - startedAt);
      throw new Error(`attempt ${job?.attempt} failed`);
    }),
  );
  await push("secret payload");
  for (let seconds = 0; seconds <= 200; seconds += 1) {
    await opened.drain();
    await clock.advance(1_000);
  }
  expect(triedAt).toEqual([0, 5_000, 15_000, 35_000, 75_000]);
  const dead = await queue.list("work", "dead", 10);
  expect(dead).toMatchObject([{ payload: "secret payload", attempt: 5, reason: "attempt 5 failed" }]);
  expect(opened.stats()["work"]).toMatchObject({ done: 0, failed: 5, buried: 1 });
  expect(lines.filter((line) => line.includes("will be tried again"))).toHaveLength(4);
  expect(lines.filter((line) => line.includes("given up"))).toHaveLength(1);
  expect(lines.join("")).not.toContain("secret payload");
}, 60_000);

test("buries a job at once when it can never succeed", async () => {
  const { runner, queue, push } = openJobs(fixture.database);
  const opened = runner(
    handlerOf(async (jobs) => {
      if (jobs.some((job) => job.payload === "not JSON")) throw new Permanent("Not JSON at position 0.");
    }),
  );
  await push("{}", "not JSON", "[]");
  await opened.drain();
  const dead = await queue.list("work", "dead", 10);
  expect(dead).toMatchObject([{ payload: "not JSON", attempt: 1, reason: "Not JSON at position 0." }]);
  expect(opened.stats()["work"]).toMatchObject({ done: 2, failed: 1, buried: 1 });
}, 60_000);

test("waits as long as the handler asks for", async () => {
  const { runner, clock, counts, push } = openJobs(fixture.database);
  let tries = 0;
  const opened = runner(
    handlerOf(async () => {
      tries += 1;
      if (tries === 1) throw new Retry("the mail server is greylisting", 90_000);
    }),
  );
  await push("mail");
  await opened.drain();
  await clock.advance(89_999);
  await opened.drain();
  expect(tries).toBe(1);
  await clock.advance(1);
  await opened.drain();
  expect(tries).toBe(2);
  expect(await counts()).toMatchObject({ delayed: 0, dead: 0 });
}, 60_000);

test.each([503, 507] as const)(
  "never buries a job for a dependency that is away for an hour (%d)",
  async (status) => {
    const { runner, clock, queue, counts, push, lines } = openJobs(fixture.database);
    let away = true;
    let calls = 0;
    const attempts: number[] = [];
    const opened = runner(
      handlerOf(async (jobs) => {
        calls += 1;
        if (away) throw new Failure("objects.unavailable", status, "The object store is away.");
        attempts.push(...jobs.map((job) => job.attempt));
      }),
    );
    await push(...Array.from({ length: 10 }, (_, index) => String(index)));
    await opened.drain();
    // The batch, then two alone: the rest is spared the attempt.
    expect(calls).toBe(3);
    for (let minute = 0; minute < 60; minute += 1) {
      await clock.advance(60_000);
      await opened.drain();
    }
    expect(await counts()).toMatchObject({ delayed: 10, dead: 0 });
    away = false;
    await clock.advance(60_000);
    await opened.drain();
    expect(attempts).toEqual(Array.from({ length: 10 }, () => 1));
    expect(await queue.counts()).toEqual({});
    expect(lines.filter((line) => line.includes("is away"))).toHaveLength(1);
    expect(lines.filter((line) => line.includes("is back"))).toHaveLength(1);
  },
  60_000,
);

test("lets good jobs pass one that always looks like an outage", async () => {
  const { runner, counts, push } = openJobs(fixture.database);
  const done: string[] = [];
  await push("a", "timeout", "b", "c");
  await runner(
    handlerOf(async (jobs) => {
      if (jobs.some((job) => job.payload === "timeout")) throw new Failure("database.unavailable", 503, "Too slow.");
      done.push(...jobs.map((job) => job.payload));
    }),
  ).drain();
  expect(done.toSorted()).toEqual(["a", "b", "c"]);
  expect(await counts()).toMatchObject({ delayed: 1, dead: 0 });
}, 60_000);

test("counts a statement past its time as a try, and buries the job with its reason in the end", async () => {
  const { runner, clock, queue, counts, push } = openJobs(fixture.database);
  const done: string[] = [];
  const opened = runner(
    handlerOf(async (jobs) => {
      if (jobs.some((job) => job.payload === "slow"))
        throw new Failure("database.ended", 503, "The database took too long over this.", { outage: false });
      done.push(...jobs.map((job) => job.payload));
    }),
  );
  await push("a", "slow", "b");
  for (let second = 0; second < 120; second += 1) {
    await opened.drain();
    await clock.advance(1_000);
  }
  expect(done.toSorted()).toEqual(["a", "b"]);
  expect(await counts()).toMatchObject({ pending: 0, delayed: 0, dead: 1 });
  expect(await queue.list("work", "dead", 10)).toMatchObject([
    { payload: "slow", attempt: 5, reason: "The database took too long over this." },
  ]);
}, 60_000);

test("survives whatever a handler throws", async () => {
  const { runner, clock, queue, push } = openJobs(fixture.database);
  const recurse = (): number => recurse() + 1;
  const unprintable = Object.create(null) as object;
  const thrown: Record<string, () => unknown> = {
    "a string": () => "just text",
    nothing: () => undefined,
    "a symbol": () => Symbol("odd"),
    "an object without text": () => unprintable,
    "a NUL": () => new Error("bad \0 byte"),
    "too deep": recurse,
  };
  const opened = runner(
    handlerOf(async (jobs) => {
      for (const job of jobs) throw thrown[job.payload]?.();
    }),
  );
  const sync = runner(
    handlerOf(() => {
      throw new Permanent("thrown before any promise");
    }),
  );
  await push(...Object.keys(thrown));
  for (let round = 0; round < 100; round += 1) {
    await opened.drain();
    await clock.advance(1_000);
  }
  const dead = await queue.list("work", "dead", 10);
  expect(dead.map((job) => job.payload)).toEqual(Object.keys(thrown));
  expect(dead.map((job) => job.reason)).toEqual([
    "just text",
    "undefined",
    "Symbol(odd)",
    "something without a text was thrown",
    "bad \uFFFD byte",
    expect.stringContaining("call stack"),
  ]);
  await queue.discard("work");
  await push("sync");
  await sync.drain();
  expect((await queue.list("work", "dead", 10))[0]?.reason).toBe("thrown before any promise");
}, 60_000);

test("holds a follow-up that the queue refuses against the job that made it, not against its neighbours", async () => {
  const { runner, queue, push } = openJobs(fixture.database);
  await push("a", "bad", "b");
  await runner(
    handlerOf(async (jobs) =>
      jobs.map((job) => [{ queue: "later", payload: job.payload === "bad" ? "\0" : job.payload }]),
    ),
  ).drain();
  expect((await queue.list("work", "dead", 10)).map((job) => job.payload)).toEqual(["bad"]);
  expect((await queue.list("later", "pending", 10)).map((job) => job.payload).toSorted()).toEqual(["a", "b"]);
}, 60_000);

test("gives a job up that was claimed again and again without an outcome, and runs it alone before", async () => {
  const { runner, clock, queue, push } = openJobs(fixture.database);
  const calls: string[][] = [];
  const opened = runner(handlerOf(async (jobs) => void calls.push(jobs.map((job) => job.payload))));
  await push("kills the process");
  for (let crash = 0; crash < 6; crash += 1) {
    await queue.claim(["work"], { count: 1, bytes: 1 }, 1_000);
    await clock.advance(1_000);
  }
  await push("neighbour");
  await opened.drain();
  expect(calls).toEqual([["neighbour"], ["kills the process"]]);

  await push("kills the process");
  for (let crash = 0; crash < 25; crash += 1) {
    await queue.claim(["work"], { count: 1, bytes: 1 }, 1_000);
    await clock.advance(1_000);
  }
  await opened.drain();
  expect(calls).toHaveLength(2);
  expect(await queue.list("work", "dead", 10)).toMatchObject([{ payload: "kills the process", attempt: 26 }]);
}, 60_000);
