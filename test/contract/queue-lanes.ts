// What every Queue adapter promises about lanes: order, one at a time, nothing lost, and no cost that grows.
import { expect, test } from "bun:test";
import type { Job, Queue } from "../../src/ports/queue.ts";
import { cpuSpent } from "../support/cpu.ts";
import { ANY, LEASE_MS, claimOne, payloads, settle, unique } from "./queue.ts";
import type { QueueTests } from "./queue.ts";

export function laneContract(tests: QueueTests): void {
  order(tests);
  changes(tests);
  randomised(tests);
  cost(tests);
}

function order(tests: QueueTests): void {
  test("runs a lane in order, one at a time, across queues", async () => {
    const { queue, other } = tests;
    const [a, b] = [unique("a"), unique("b")];
    const lane = unique("lane");
    await queue.push([
      { queue: a, payload: "1", lane },
      { queue: b, payload: "2", lane },
    ]);
    await other.push([{ queue: a, payload: "3", lane }]);
    const seen: string[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      const jobs = await other.claim([a, b], ANY, LEASE_MS);
      expect(jobs).toHaveLength(1);
      expect(await queue.claim([a, b], ANY, LEASE_MS)).toEqual([]);
      seen.push(...payloads(jobs));
      for (const job of jobs) await settle(other, job);
    }
    expect(seen).toEqual(["1", "2", "3"]);
  }, 240_000);

  test("lets other lanes pass one that is held up", async () => {
    const { queue } = tests;
    const name = unique("q");
    const [slow, quick] = [unique("lane"), unique("lane")];
    await queue.push([slow, slow, quick, quick].map((lane, index) => ({ queue: name, payload: String(index), lane })));
    const [first, second] = await queue.claim([name], ANY, LEASE_MS);
    expect([first?.payload, second?.payload]).toEqual(["0", "2"]);
    if (second) await settle(queue, second);
    expect(payloads(await queue.claim([name], ANY, LEASE_MS))).toEqual(["3"]);
  }, 240_000);

  test("holds a lane up while its first job waits: for its due time, its next attempt, or its lease", async () => {
    const { queue, fixture } = tests;
    const name = unique("q");
    const lane = unique("lane");
    await queue.push([{ queue: name, payload: "1", lane, delayMs: 1_000 }]);
    await queue.push([{ queue: name, payload: "2", lane }]);
    expect(await queue.claim([name], ANY, LEASE_MS)).toEqual([]);
    await fixture.clock.advance(1_000);
    await queue.retry(await claimOne(queue, name), "again", 5_000);
    expect(await queue.claim([name], ANY, LEASE_MS)).toEqual([]);
    await fixture.clock.advance(5_000);
    expect((await claimOne(queue, name)).payload).toBe("1");
    await fixture.clock.advance(LEASE_MS);
    const third = await claimOne(queue, name);
    expect(third).toMatchObject({ payload: "1", attempt: 3 });
    await settle(queue, third);
    expect((await claimOne(queue, name)).payload).toBe("2");
  }, 240_000);

  test("goes on behind a buried job, and takes a redriven one at the end", async () => {
    const { queue } = tests;
    const name = unique("q");
    const lane = unique("lane");
    await queue.push(["1", "2", "3"].map((payload) => ({ queue: name, payload, lane })));
    await queue.bury(await claimOne(queue, name), "bad");
    const second = await claimOne(queue, name);
    expect(second.payload).toBe("2");
    expect(await queue.redrive(name)).toBe(1);
    expect(await queue.claim([name], ANY, LEASE_MS)).toEqual([]);
    await settle(queue, second);
    for (const expected of ["3", "1"]) {
      const job = await claimOne(queue, name);
      expect(job.payload).toBe(expected);
      await settle(queue, job);
    }
  }, 240_000);

  test("redrives several jobs of a lane in their order, still one at a time", async () => {
    const { queue } = tests;
    const name = unique("q");
    const lane = unique("lane");
    await queue.push(["1", "2", "3"].map((payload) => ({ queue: name, payload, lane })));
    for (let turn = 0; turn < 3; turn += 1) await queue.bury(await claimOne(queue, name), "bad");
    expect(await queue.redrive(name)).toBe(3);
    for (const expected of ["1", "2", "3"]) {
      const jobs = await queue.claim([name], ANY, LEASE_MS);
      expect(payloads(jobs)).toEqual([expected]);
      for (const job of jobs) await settle(queue, job);
    }
  }, 240_000);
}

function changes(tests: QueueTests): void {
  test("starts a lane whose first push was dropped for its key", async () => {
    const { queue } = tests;
    const name = unique("q");
    const lane = unique("lane");
    await queue.push([{ queue: name, payload: "holds the key", key: "k" }]);
    await queue.push([
      { queue: name, payload: "dropped", key: "k", lane },
      { queue: name, payload: "kept", lane },
    ]);
    expect(payloads(await queue.claim([name], ANY, LEASE_MS))).toEqual(["holds the key", "kept"]);
  }, 240_000);

  test("puts a follow-up behind what its lane already holds", async () => {
    const { queue } = tests;
    const name = unique("q");
    const lane = unique("lane");
    await queue.push(["1", "2"].map((payload) => ({ queue: name, payload, lane })));
    await settle(queue, await claimOne(queue, name), [{ queue: name, payload: "3", lane }]);
    for (const expected of ["2", "3"]) {
      const jobs = await queue.claim([name], ANY, LEASE_MS);
      expect(payloads(jobs)).toEqual([expected]);
      for (const job of jobs) await settle(queue, job);
    }
  }, 240_000);

  test("erases a lane but for the job in flight, and takes new jobs behind that", async () => {
    const { queue, fixture } = tests;
    const name = unique("q");
    const [lane, neighbour] = [unique("lane"), unique("lane")];
    await queue.push(["dead", "expired", "late"].map((payload) => ({ queue: name, payload, lane })));
    await queue.push([{ queue: name, payload: "neighbour", lane: neighbour, delayMs: 2 * LEASE_MS }]);
    await queue.bury(await claimOne(queue, name), "bad");
    const expired = await claimOne(queue, name);
    await fixture.clock.advance(LEASE_MS);
    expect(await queue.discardLane(lane)).toBe(3);
    expect(await settle(queue, expired)).toEqual([]);

    await queue.push(["running", "waiting"].map((payload) => ({ queue: name, payload, lane })));
    const running = await claimOne(queue, name);
    expect(await queue.discardLane(lane)).toBe(1);
    await queue.push([{ queue: name, payload: "new", lane }]);
    expect(await queue.claim([name], ANY, LEASE_MS)).toEqual([]);
    expect(await settle(queue, running)).toEqual([running.id]);
    const next = await claimOne(queue, name);
    expect(next.payload).toBe("new");
    await settle(queue, next);
    await fixture.clock.advance(LEASE_MS);
    expect(payloads(await queue.claim([name], ANY, LEASE_MS))).toEqual(["neighbour"]);
  }, 240_000);

  test("never strands a push that meets the settle or burial of its lane's last job, or the lane's erasure", async () => {
    const { queue, other } = tests;
    const name = unique("q");
    const lanes = Array.from({ length: 4 }, () => unique("lane"));
    const leave = [
      (job: Job) => settle(queue, job),
      (job: Job) => queue.bury(job, "bad"),
      (job: Job) => settle(queue, job, [{ queue: unique("next"), payload: "x" }]),
    ];
    await queue.push(lanes.map((lane) => ({ queue: name, payload: "0", lane })));
    for (let round = 1; round <= 150; round += 1) {
      const heads = await queue.claim([name], ANY, LEASE_MS);
      expect(payloads(heads)).toEqual(lanes.map(() => String(round - 1)));
      await Promise.all([
        ...heads.map((job) => leave[round % leave.length]?.(job)),
        ...lanes.map((lane) => other.push([{ queue: name, payload: String(round), lane }])),
      ]);
    }
    for (const job of await queue.claim([name], ANY, LEASE_MS)) await settle(queue, job);
    for (let round = 0; round < 50; round += 1) {
      const lane = unique("lane");
      await queue.push([{ queue: name, payload: "erased", lane }]);
      await Promise.all([queue.discardLane(lane), other.push([{ queue: name, payload: "new", lane }])]);
      await other.push([{ queue: name, payload: "last", lane }]);
      const seen: string[] = [];
      for (;;) {
        const jobs = await queue.claim([name], ANY, LEASE_MS);
        if (jobs.length === 0) break;
        seen.push(...payloads(jobs));
        for (const job of jobs) await settle(queue, job);
      }
      expect(seen.at(-1)).toBe("last");
    }
  }, 240_000);
}

function randomised(tests: QueueTests): void {
  for (const seed of [1, 2, 3]) {
    test(`keeps order, never overlaps and loses nothing, whatever happens to the jobs (seed ${seed})`, async () => {
      const { queue, other, fixture } = tests;
      const random = seeded(seed);
      const names = [unique("a"), unique("b"), unique("c")];
      const lanes = Array.from({ length: 6 }, () => unique("lane"));
      const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
      const expected = new Map<string, string[]>(lanes.map((lane) => [lane, []]));
      const concluded = new Map<string, string[]>(lanes.map((lane) => [lane, []]));
      const inFlight = new Map<string, { from: Queue; job: Job; until: number }>();
      let serial = 0;

      const push = async () => {
        const jobs = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
          const lane = pick(lanes);
          const payload = String((serial += 1));
          expected.get(lane)?.push(payload);
          const delayMs = random() < 0.2 ? Math.floor(random() * 500) : undefined;
          return { queue: pick(names), payload, lane, delayMs };
        });
        await pick([queue, other]).push(jobs);
      };
      const claim = async () => {
        const from = pick([queue, other]);
        const leaseMs = pick([50, 5_000]);
        const now = fixture.clock.now().getTime();
        for (const job of await from.claim(names, { count: 1 + Math.floor(random() * 5), bytes: 10_000 }, leaseMs)) {
          const lane = job.lane ?? "";
          const holder = inFlight.get(lane);
          expect(holder === undefined || holder.until <= now).toBe(true);
          expect(job.payload).toBe(expected.get(lane)?.[concluded.get(lane)?.length ?? 0] ?? "none");
          inFlight.set(lane, { from, job, until: now + leaseMs });
        }
      };
      const conclude = async () => {
        const [lane, held] = pick([...inFlight]) ?? [];
        if (lane === undefined || held === undefined) return;
        inFlight.delete(lane);
        const { from, job } = held;
        const fate = random();
        if (fate < 0.2) expect(await from.retry(job, "again", Math.floor(random() * 300))).toBe(true);
        else if (fate < 0.3) expect(await from.release([job], "away", Math.floor(random() * 300))).toEqual([job.id]);
        else {
          if (fate < 0.4) expect(await from.bury(job, "bad")).toBe(true);
          else expect(await settle(from, job)).toEqual([job.id]);
          concluded.get(lane)?.push(job.payload);
        }
      };

      for (let step = 0; step < 400; step += 1) {
        await pick(step < 300 ? [push, claim, claim, conclude, conclude] : [claim, conclude, conclude])();
        if (random() < 0.3) await fixture.clock.advance(Math.floor(random() * 60));
      }
      for (let rounds = 0; rounds < 1_000; rounds += 1) {
        await fixture.clock.advance(500);
        await claim();
        while (inFlight.size > 0) await conclude();
        if (lanes.every((lane) => concluded.get(lane)?.length === expected.get(lane)?.length)) break;
      }
      expect(Object.fromEntries(concluded)).toEqual(Object.fromEntries(expected));
    }, 240_000);
  }
}

function cost(tests: QueueTests): void {
  test("claiming and settling costs as much behind 20,000 jobs of one lane as with none", async () => {
    const { queue, fixture } = tests;
    const lane = unique("lane");
    const [idle, busy] = [unique("q"), unique("q")];
    /** Milliseconds of CPU, ours and the store's. */
    const turns = async (name: string) => {
      const pids = [process.pid, ...(await fixture.workers())];
      const before = cpuSpent(pids);
      for (let turn = 0; turn < 60; turn += 1) {
        await queue.push([{ queue: name, payload: "x", lane: name === busy ? lane : unique("lane") }]);
        await settle(queue, await claimOne(queue, name));
      }
      return cpuSpent(pids) - before;
    };
    await turns(idle); // plans and caches warm
    const before = await turns(idle);
    for (let pushed = 0; pushed < 20_000; pushed += 2_000) {
      await queue.push(
        Array.from({ length: 2_000 }, (_, index) => ({ queue: busy, payload: String(pushed + index), lane })),
      );
    }
    const behind = await turns(busy);
    expect(behind / before).toBeLessThan(5);
    expect((await turns(idle)) / before).toBeLessThan(5);
    expect((await claimOne(queue, busy)).payload).toBe("60");
    await queue.discardLane(lane);
  }, 240_000);
}

/** A small multiplicative generator: the same seed, the same story. */
function seeded(seed: number): () => number {
  let state = seed * 48_271;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
