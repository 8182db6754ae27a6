// What every Queue adapter promises.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Permanent } from "../../src/errors.ts";
import type { Job, JobState, Push, Queue } from "../../src/ports/queue.ts";
import type { TestClock } from "../support/clock.ts";
import { laneContract } from "./queue-lanes.ts";

export interface QueueFixture {
  clock: TestClock;
  /** Processes that do the store's work, on this machine. */
  workers(): Promise<number[]>;
  /** Each call is another instance on the same store, as another process would have. */
  openQueue(): Promise<Queue>;
  close(): Promise<void>;
}

/** What a contract's tests share; they use queue names of their own, so the store may be shared. */
export interface QueueTests {
  fixture: QueueFixture;
  queue: Queue;
  other: Queue;
}

export const LEASE_MS = 30_000;
export const ANY = { count: 100, bytes: 100_000_000 };
export const unique = (prefix: string) => `${prefix}-${crypto.randomUUID()}`;
export const payloads = (jobs: Pick<Job, "payload">[]) => jobs.map((job) => job.payload);

export async function claimOne(queue: Queue, name: string): Promise<Job> {
  const [job] = await queue.claim([name], { count: 1, bytes: 1 }, LEASE_MS);
  if (!job) throw new Error(`Expected a job of ${name} to claim, there was none.`);
  return job;
}

export const settle = (queue: Queue, job: Job, followUps: Push[] = []) => queue.settle([{ job, followUps }]);

export function queueContract(name: string, open: () => Promise<QueueFixture>): void {
  describe(`queue contract: ${name}`, () => {
    const tests = {} as QueueTests;
    beforeAll(async () => {
      tests.fixture = await open();
      tests.queue = await tests.fixture.openQueue();
      tests.other = await tests.fixture.openQueue();
    }, 240_000);
    afterAll(async () => {
      await tests.queue.close();
      await tests.other.close();
      await tests.fixture.close();
    }, 240_000);
    pushAndClaim(tests);
    keys(tests);
    leases(tests);
    failing(tests);
    laneContract(tests);
    watching(tests);
  });
}

function pushAndClaim(tests: QueueTests): void {
  test("gives jobs back oldest first, with what was pushed", async () => {
    const { queue, fixture } = tests;
    const name = unique("q");
    const lane = unique("lane");
    const pushedAt = fixture.clock.now();
    await queue.push([{ queue: name, payload: "a", key: "k", lane }]);
    await fixture.clock.advance(5);
    await queue.push([
      { queue: name, payload: "b" },
      { queue: name, payload: "c" },
    ]);
    const jobs = await queue.claim([name], ANY, LEASE_MS);
    expect(payloads(jobs)).toEqual(["a", "b", "c"]);
    expect(jobs[0]).toMatchObject({ queue: name, key: "k", lane, attempt: 1, pushedAt });
    expect(jobs[1]).toMatchObject({ key: null, lane: null, attempt: 1 });
    expect(await queue.claim([name], ANY, LEASE_MS)).toEqual([]);
  }, 240_000);

  test("gives a payload of 1 MB back byte for byte, whatever its letters", async () => {
    const name = unique("q");
    const letters = `é ☃ 𝄞 \u2028 \u0001 \\ "quoted" {a,b} NULL 'x' \t\r\n \u{10FFFF} \uFEFF`;
    const payload = letters.repeat(Math.ceil(1_000_000 / Buffer.byteLength(letters)));
    const small = ["", " ", "{}", "NULL", "\\x00", "a\\u0000b"];
    await tests.queue.push([payload, ...small].map((text) => ({ queue: name, payload: text })));
    const jobs = await tests.queue.claim([name], ANY, LEASE_MS);
    expect(payloads(jobs).slice(1)).toEqual(small);
    expect(Buffer.from(jobs[0]?.payload ?? "").equals(Buffer.from(payload))).toBe(true);
  }, 240_000);

  test("lists how a payload begins, and its size", async () => {
    const { queue } = tests;
    const name = unique("q");
    await queue.push([{ queue: name, payload: "é".repeat(1_000_000) }]);
    const [listed] = await queue.list(name, "pending", 10);
    expect(listed).toMatchObject({ payload: "é".repeat(4_096), payloadBytes: 2_000_000 });
  }, 240_000);

  test("keeps a payload of 10 MB", async () => {
    const name = unique("q");
    const payload = JSON.stringify({ text: "0123456789abcdef".repeat(655_360) });
    await tests.queue.push([{ queue: name, payload }]);
    expect((await claimOne(tests.queue, name)).payload === payload).toBe(true);
  }, 240_000);

  test("refuses text with U+0000 for good, and adds none of that push", async () => {
    const name = unique("q");
    for (const bad of [{ payload: "a\0b" }, { payload: "x", key: "k\0" }, { payload: "x", lane: "\0" }]) {
      const push = tests.queue.push([
        { queue: name, payload: "good" },
        { queue: name, ...bad },
      ]);
      expect(push).rejects.toBeInstanceOf(Permanent);
      await push.catch(() => {});
    }
    expect(await tests.queue.claim([name], ANY, LEASE_MS)).toEqual([]);
  }, 240_000);

  test("holds a delayed job back until its time, to the millisecond", async () => {
    const { queue, fixture } = tests;
    const name = unique("q");
    await queue.push([{ queue: name, payload: "late", delayMs: 10_000 }]);
    await fixture.clock.advance(9_999);
    expect(await queue.claim([name], ANY, LEASE_MS)).toEqual([]);
    await fixture.clock.advance(1);
    expect(payloads(await queue.claim([name], ANY, LEASE_MS))).toEqual(["late"]);
  }, 240_000);

  test("claims only from the named queues, the oldest of them all first", async () => {
    const { queue, fixture } = tests;
    const [a, b, c] = [unique("a"), unique("b"), unique("c")];
    for (const [name, payload] of [
      [a, "1"],
      [b, "2"],
      [c, "3"],
      [a, "4"],
      [b, "5"],
    ] as const) {
      await queue.push([{ queue: name, payload }]);
      await fixture.clock.advance(1);
    }
    expect(payloads(await queue.claim([b, a], { count: 3, bytes: 100 }, LEASE_MS))).toEqual(["1", "2", "4"]);
    expect(payloads(await queue.claim([b, a], ANY, LEASE_MS))).toEqual(["5"]);
    expect(payloads(await queue.claim([c], ANY, LEASE_MS))).toEqual(["3"]);
    expect(await queue.claim([], ANY, LEASE_MS)).toEqual([]);
  }, 240_000);

  test("stops at the count and at the bytes, but always gives the first", async () => {
    const name = unique("q");
    const payload = "ü".repeat(50); // 100 bytes
    await tests.queue.push(Array.from({ length: 8 }, () => ({ queue: name, payload })));
    const claim = async (count: number, bytes: number) =>
      (await tests.queue.claim([name], { count, bytes }, LEASE_MS)).length;
    expect(await claim(2, 1_000)).toBe(2);
    expect(await claim(100, 299)).toBe(2);
    expect(await claim(100, 300)).toBe(3);
    expect(await claim(100, 1)).toBe(1);
    expect(await claim(0, 1_000)).toBe(0);
  }, 240_000);

  test("gives each job to one claimer when many claim at once", async () => {
    const { queue, other } = tests;
    const name = unique("q");
    await queue.push(Array.from({ length: 600 }, (_, index) => ({ queue: name, payload: String(index) })));
    const claimed: string[] = [];
    const work = async (from: Queue) => {
      for (let misses = 0; misses < 3;) {
        const jobs = await from.claim([name], { count: 7, bytes: 1_000 }, LEASE_MS);
        misses = jobs.length === 0 ? misses + 1 : 0;
        claimed.push(...payloads(jobs));
        if (jobs.length > 0) await from.settle(jobs.map((job) => ({ job, followUps: [] })));
      }
    };
    await Promise.all([queue, other, queue, other].map(work));
    expect(claimed).toHaveLength(600);
    expect(new Set(claimed).size).toBe(600);
    expect((await queue.counts())[name]).toBeUndefined();
  }, 240_000);
}

function keys(tests: QueueTests): void {
  test("keeps one job a key, in one push or in many, and leaves the first as it is", async () => {
    const { queue, other } = tests;
    const name = unique("q");
    await queue.push([
      { queue: name, payload: "first", key: "k" },
      { queue: name, payload: "second", key: "k" },
    ]);
    await other.push([{ queue: name, payload: "third", key: "k" }]);
    const job = await claimOne(queue, name);
    expect(job.payload).toBe("first");
    await other.push([{ queue: name, payload: "while in flight", key: "k" }]);
    expect(await queue.claim([name], ANY, LEASE_MS)).toEqual([]);
    await settle(queue, job);
    await other.push([{ queue: name, payload: "after", key: "k" }]);
    expect(payloads(await queue.claim([name], ANY, LEASE_MS))).toEqual(["after"]);
  }, 240_000);

  test("takes a dead job's key as taken until it is discarded", async () => {
    const { queue } = tests;
    const name = unique("q");
    const push = { queue: name, payload: "x", key: "k" };
    await queue.push([push]);
    await queue.bury(await claimOne(queue, name), "bad");
    await queue.push([push]);
    expect(await queue.claim([name], ANY, LEASE_MS)).toEqual([]);
    expect(await queue.discard(name)).toBe(1);
    await queue.push([push]);
    expect(await queue.claim([name], ANY, LEASE_MS)).toHaveLength(1);
  }, 240_000);

  test("lets two queues use the same key", async () => {
    const [a, b] = [unique("a"), unique("b")];
    await tests.queue.push([a, b].map((queue) => ({ queue, payload: queue, key: "same" })));
    expect(await tests.queue.claim([a, b], ANY, LEASE_MS)).toHaveLength(2);
  }, 240_000);

  test("makes one job of a key that many push at the same moment", async () => {
    const { queue, other } = tests;
    const name = unique("q");
    const pushes = (order: number) =>
      ["a", "b", "c", "d"].map((key) => ({ queue: name, payload: "x", key })).sort(() => (order % 2 ? -1 : 1));
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        (index % 3 ? queue : other).push(index % 2 ? pushes(0) : pushes(0).reverse()),
      ),
    );
    expect((await queue.claim([name], ANY, LEASE_MS)).map((job) => job.key).sort()).toEqual(["a", "b", "c", "d"]);
  }, 240_000);

  test("keeps a held key taken for its time, though its job is done", async () => {
    const { queue, other, fixture } = tests;
    const name = unique("q");
    const push = { queue: name, payload: "tick", key: "k", keyHeldMs: 60_000 };
    await Promise.all([queue.push([push]), other.push([push])]);
    await settle(queue, await claimOne(queue, name));
    await other.push([push, { queue: name, payload: "unheld", key: "k" }]);
    await fixture.clock.advance(59_000);
    await other.push([push]);
    expect(await queue.claim([name], ANY, LEASE_MS)).toEqual([]);
    await fixture.clock.advance(1_000);
    await other.push([push]);
    expect(await queue.claim([name], ANY, LEASE_MS)).toHaveLength(1);
  }, 240_000);
}

function leases(tests: QueueTests): void {
  test("gives a job back with one attempt more once its lease ran out", async () => {
    const { queue, other, fixture } = tests;
    const name = unique("q");
    await queue.push([{ queue: name, payload: "x" }]);
    const first = await claimOne(queue, name);
    await fixture.clock.advance(LEASE_MS - 1);
    expect(await other.claim([name], ANY, LEASE_MS)).toEqual([]);
    await fixture.clock.advance(1);
    const second = await claimOne(other, name);
    expect(second).toMatchObject({ id: first.id, attempt: 2, payload: "x" });
    expect(second.lease).not.toBe(first.lease);
  }, 240_000);

  test("lets whoever lost the lease change nothing", async () => {
    const { queue, other, fixture } = tests;
    const name = unique("q");
    await queue.push([{ queue: name, payload: "x" }]);
    const lost = await claimOne(queue, name);
    await fixture.clock.advance(LEASE_MS);
    const held = await claimOne(other, name);
    expect(await settle(queue, lost, [{ queue: name, payload: "follow-up" }])).toEqual([]);
    expect(await queue.retry(lost, "no", 0)).toBe(false);
    expect(await queue.release([lost], "no", 0)).toEqual([]);
    expect(await queue.bury(lost, "no")).toBe(false);
    expect(await queue.extend([lost], 100 * LEASE_MS)).toEqual([]);
    expect(await queue.claim([name], ANY, LEASE_MS)).toEqual([]);
    expect(await settle(other, held)).toEqual([held.id]);
    expect(await settle(other, held)).toEqual([]);
    expect((await queue.counts())[name]).toBeUndefined();
  }, 240_000);

  test("gives more time to the jobs that still hold their lease, and says which", async () => {
    const { queue, fixture } = tests;
    const name = unique("q");
    await queue.push(["a", "b"].map((payload) => ({ queue: name, payload })));
    const [a, b] = await queue.claim([name], ANY, LEASE_MS);
    if (!a || !b) throw new Error("Expected two jobs.");
    await settle(queue, b);
    await fixture.clock.advance(LEASE_MS - 1);
    expect(await queue.extend([a, b], LEASE_MS)).toEqual([a.id]);
    await fixture.clock.advance(LEASE_MS - 1);
    expect(await queue.claim([name], ANY, LEASE_MS)).toEqual([]);
    expect(await settle(queue, a)).toEqual([a.id]);
  }, 240_000);

  test("settles many jobs in one step, each with its follow-ups, and skips those that were lost", async () => {
    const { queue, other, fixture } = tests;
    const [name, next] = [unique("q"), unique("next")];
    await queue.push(["a", "b", "c"].map((payload) => ({ queue: name, payload })));
    const stale = await queue.claim([name], { count: 1, bytes: 1 }, LEASE_MS / 2);
    const fresh = await queue.claim([name], ANY, LEASE_MS);
    await fixture.clock.advance(LEASE_MS / 2);
    await claimOne(other, name);
    const settled = await queue.settle(
      [...stale, ...fresh].map((job) => ({
        job,
        followUps: ["1", "2"].map((part) => ({ queue: next, payload: job.payload + part, key: job.payload + part })),
      })),
    );
    expect(settled.toSorted()).toEqual(fresh.map((job) => job.id).toSorted());
    expect(payloads(await queue.claim([next], ANY, LEASE_MS))).toEqual(["b1", "b2", "c1", "c2"]);
  }, 240_000);

  test("lets a follow-up take over the key and the lane of the job that it follows", async () => {
    const { queue } = tests;
    const name = unique("q");
    const again = { queue: name, payload: "again", key: "k", lane: unique("lane") };
    await queue.push([again]);
    const job = await claimOne(queue, name);
    await settle(queue, job, [again]);
    const next = await claimOne(queue, name);
    expect(next).toMatchObject({ payload: "again", attempt: 1 });
    expect(next.id).not.toBe(job.id);
  }, 240_000);

  test("adds no follow-up when one of them is refused, and keeps the job", async () => {
    const { queue, fixture } = tests;
    const name = unique("q");
    await queue.push([{ queue: name, payload: "x" }]);
    const job = await claimOne(queue, name);
    const refused = settle(queue, job, [
      { queue: name, payload: "good" },
      { queue: name, payload: "\0" },
    ]);
    expect(refused).rejects.toBeInstanceOf(Permanent);
    await refused.catch(() => {});
    await fixture.clock.advance(LEASE_MS);
    expect(payloads(await queue.claim([name], ANY, LEASE_MS))).toEqual(["x"]);
  }, 240_000);
}

function failing(tests: QueueTests): void {
  test("tries a job again after the wait, its payload untouched, one attempt more", async () => {
    const { queue, fixture } = tests;
    const name = unique("q");
    const payload = `{"n":1e400, "t" : "\\ud800"}`;
    await queue.push([{ queue: name, payload }]);
    expect(await queue.retry(await claimOne(queue, name), "the disk is slow", 5_000)).toBe(true);
    const [listed] = await queue.list(name, "delayed", 10);
    expect(listed).toMatchObject({ attempt: 1, reason: "the disk is slow", state: "delayed", payload });
    expect(listed?.dueAt).toEqual(new Date(fixture.clock.now().getTime() + 5_000));
    await fixture.clock.advance(4_999);
    expect(await queue.claim([name], ANY, LEASE_MS)).toEqual([]);
    await fixture.clock.advance(1);
    expect(await claimOne(queue, name)).toMatchObject({ attempt: 2, payload });
  }, 240_000);

  test("does not count the attempt of a job that is released", async () => {
    const { queue, fixture } = tests;
    const name = unique("q");
    await queue.push(["a", "b"].map((payload) => ({ queue: name, payload })));
    const jobs = await queue.claim([name], ANY, LEASE_MS);
    expect(await queue.release(jobs, "away", 1_000)).toHaveLength(2);
    await fixture.clock.advance(1_000);
    expect((await queue.claim([name], ANY, LEASE_MS)).map((job) => job.attempt)).toEqual([1, 1]);
  }, 240_000);

  test("keeps a dead job with its reason until it is redriven from attempt 1, or discarded", async () => {
    const { queue, fixture } = tests;
    const name = unique("q");
    await queue.push(["a", "b", "c"].map((payload) => ({ queue: name, payload })));
    for (const job of await queue.claim([name], ANY, LEASE_MS)) await queue.bury(job, `bad ${job.payload}`);
    await fixture.clock.advance(10 * LEASE_MS);
    expect(await queue.claim([name], ANY, LEASE_MS)).toEqual([]);
    const dead = await queue.list(name, "dead", 10);
    expect(dead.map((job) => [job.payload, job.reason, job.attempt])).toEqual([
      ["a", "bad a", 1],
      ["b", "bad b", 1],
      ["c", "bad c", 1],
    ]);
    const [a, b] = dead.map((job) => job.id);
    expect(await queue.redrive(name, [a ?? "", "no-such-id", "-1"])).toBe(1);
    expect(await claimOne(queue, name)).toMatchObject({ payload: "a", attempt: 1 });
    expect(await queue.discard(name, [b ?? "", a ?? ""])).toBe(1);
    expect(await queue.redrive(name)).toBe(1);
    expect(await claimOne(queue, name)).toMatchObject({ payload: "c", attempt: 1 });
    expect(await queue.redrive(name)).toBe(0);
    expect(await queue.discard(name)).toBe(0);
  }, 240_000);

  test("buries for any reason, however long or strange", async () => {
    const { queue } = tests;
    const name = unique("q");
    await queue.push([{ queue: name, payload: "x" }]);
    expect(await queue.bury(await claimOne(queue, name), `\0 \ud800 ${"é".repeat(100_000)}`)).toBe(true);
    const [dead] = await queue.list(name, "dead", 1);
    expect(dead?.reason?.length).toBeLessThan(10_000);
    expect(dead?.reason).toContain("ééé");
  }, 240_000);
}

function watching(tests: QueueTests): void {
  test("counts what is pending, delayed, active and dead, and how long the oldest has waited", async () => {
    const { queue, fixture } = tests;
    const name = unique("q");
    await queue.push(["dead", "active", "expired"].map((payload) => ({ queue: name, payload })));
    const [dead] = await queue.claim([name], { count: 1, bytes: 1 }, LEASE_MS);
    if (dead) await queue.bury(dead, "bad");
    await queue.claim([name], { count: 1, bytes: 1 }, LEASE_MS);
    await queue.claim([name], { count: 1, bytes: 1 }, 1_000);
    const lane = unique("lane");
    await queue.push(["head", "behind"].map((payload) => ({ queue: name, payload, lane })));
    await queue.push([{ queue: name, payload: "late", delayMs: 60_000 }]);
    await fixture.clock.advance(2_500);
    expect((await queue.counts())[name]).toEqual({ pending: 3, delayed: 1, active: 1, dead: 1, oldestSeconds: 2.5 });
    const listed = async (state: JobState) => payloads(await queue.list(name, state, 10));
    expect(await listed("pending")).toEqual(["expired", "head", "behind"]);
    expect(await listed("delayed")).toEqual(["late"]);
    expect(await listed("active")).toEqual(["active"]);
    expect(await listed("dead")).toEqual(["dead"]);
  }, 240_000);

  test("lists page by page, in the order of the pushes", async () => {
    const { queue } = tests;
    const name = unique("q");
    await queue.push(Array.from({ length: 25 }, (_, index) => ({ queue: name, payload: String(index) })));
    const seen: string[] = [];
    for (let after: string | undefined; ;) {
      const page = await queue.list(name, "pending", 10, after);
      if (page.length === 0) break;
      seen.push(...payloads(page));
      after = page.at(-1)?.id;
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => String(index)));
  }, 240_000);

  test("knows its backlog, a second late at most", async () => {
    const { queue, other, fixture } = tests;
    const name = unique("q");
    const before = await queue.backlog();
    await other.push(Array.from({ length: 5 }, () => ({ queue: name, payload: "x" })));
    await other.push([{ queue: name, payload: "x", delayMs: 1_000_000 }]);
    for (let tries = 0; (await queue.backlog()) < before + 6 && tries < 50; tries += 1) {
      await fixture.clock.advance(1_000);
      await Bun.sleep(2);
    }
    expect(await queue.backlog()).toBe(before + 6);
    await queue.push([{ queue: name, payload: "x" }]);
    expect(await queue.backlog()).toBe(before + 7);
  }, 240_000);

  test("wakes whoever waits when a push, a follow-up or a free lane makes work, with the queue's name", async () => {
    const { queue } = tests;
    const [name, next] = [unique("q"), unique("next")];
    const woken: string[] = [];
    const unsubscribe = queue.onPush((woke) => woken.push(woke));
    const wokenBy = async (action: Promise<unknown>) => {
      woken.length = 0;
      await action;
      return [...woken];
    };
    const lane = unique("lane");
    expect(
      await wokenBy(
        queue.push([
          { queue: name, payload: "a", lane },
          { queue: name, payload: "b", lane },
        ]),
      ),
    ).toEqual([name]);
    const a = await claimOne(queue, name);
    expect(await wokenBy(queue.push([{ queue: name, payload: "c", lane }]))).toEqual([]);
    expect(await wokenBy(queue.push([{ queue: next, payload: "late", delayMs: 1 }]))).toEqual([]);
    expect((await wokenBy(settle(queue, a, [{ queue: next, payload: "x" }]))).toSorted()).toEqual(
      [next, name].toSorted(),
    );
    expect(await wokenBy(queue.bury(await claimOne(queue, name), "bad"))).toEqual([name]);
    expect(await wokenBy(queue.retry(await claimOne(queue, name), "again", 0))).toEqual([name]);
    expect(await wokenBy(queue.redrive(name))).toEqual([name]);
    unsubscribe();
    expect(await wokenBy(queue.push([{ queue: name, payload: "unseen" }]))).toEqual([]);
  }, 240_000);
}
