// What every Limiter adapter promises.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Limiter } from "../../src/ports/limiter.ts";
import { inventKeys } from "../support/attacks/invented-keys.ts";
import type { TestClock } from "../support/clock.ts";

export interface LimiterFixture {
  clock: TestClock;
  limiter: Limiter;
  close(): Promise<void>;
}

const BUDGET = { limit: 3, windowMs: 60_000 };

export function limiterContract(name: string, open: () => Promise<LimiterFixture>): void {
  describe(`limiter contract: ${name}`, () => {
    let fixture: LimiterFixture;
    beforeAll(async () => {
      fixture = await open();
    }, 60_000);
    afterAll(() => fixture.close(), 60_000);
    const take = (key: string, budget = BUDGET) => fixture.limiter.take(key, budget);

    test("allows what the budget holds, then says how many seconds to wait", async () => {
      const key = crypto.randomUUID();
      for (let taken = 0; taken < BUDGET.limit; taken += 1) {
        expect(await take(key)).toBe(0);
        await fixture.clock.advance(5_000);
      }
      expect(await take(key)).toBe(45);
      expect(await take(key)).toBe(45);
    }, 60_000);

    test("allows again after exactly that wait, one by one as the window slides", async () => {
      const key = crypto.randomUUID();
      for (let taken = 0; taken < BUDGET.limit; taken += 1) {
        await take(key);
        await fixture.clock.advance(5_000);
      }
      await fixture.clock.advance(45_000 - 1);
      expect(await take(key)).toBe(1);
      await fixture.clock.advance(1);
      expect(await take(key)).toBe(0);
      expect(await take(key)).toBe(5);
    }, 60_000);

    test("never allows more than the budget within any window, however the takes fall", async () => {
      const key = crypto.randomUUID();
      const budget = { limit: 20, windowMs: 10_000 };
      const allowedAt: number[] = [];
      for (let step = 0; step < 500; step += 1) {
        if ((await take(key, budget)) === 0) allowedAt.push(fixture.clock.now().getTime());
        await fixture.clock.advance((step * 37) % 120);
      }
      const worst = allowedAt.map((from) => allowedAt.filter((at) => at >= from && at < from + budget.windowMs).length);
      expect(Math.max(...worst)).toBe(budget.limit);
      expect(allowedAt.length).toBeGreaterThan(budget.limit * 2);
    }, 60_000);

    test("is open again once the stated seconds have passed, also after a burst", async () => {
      const key = crypto.randomUUID();
      const budget = { limit: 50, windowMs: 60_000 };
      for (let taken = 0; taken < 50; taken += 1) {
        expect(await take(key, budget)).toBe(0);
        await fixture.clock.advance(7);
      }
      const wait = await take(key, budget);
      expect(wait).toBeLessThanOrEqual(61);
      await fixture.clock.advance(wait * 1_000);
      expect(await take(key, budget)).toBe(0);
    }, 60_000);

    test("does not let keys share", async () => {
      const [a, b] = [crypto.randomUUID(), crypto.randomUUID()];
      for (let taken = 0; taken < BUDGET.limit; taken += 1) await take(a);
      expect(await take(a)).toBeGreaterThan(0);
      expect(await take(b)).toBe(0);
    }, 60_000);

    test("only looks when it peeks", async () => {
      const key = crypto.randomUUID();
      for (let looked = 0; looked < 10; looked += 1) expect(await fixture.limiter.peek(key, BUDGET)).toBe(0);
      for (let taken = 0; taken < BUDGET.limit; taken += 1) expect(await take(key)).toBe(0);
      expect(await fixture.limiter.peek(key, BUDGET)).toBe(60);
      expect(await take(key)).toBe(60);
    }, 60_000);

    test("counts takes of the same moment, also when they are asked for at once", async () => {
      const key = crypto.randomUUID();
      const waits = await Promise.all(Array.from({ length: 10 }, () => take(key)));
      expect(waits.filter((wait) => wait === 0)).toHaveLength(BUDGET.limit);
    }, 60_000);

    test("forgets no budget that is used up, however many other keys are made up meanwhile", async () => {
      const real = ["auth", "inventory"].map((kind) => `${kind}:${crypto.randomUUID()}`);
      for (const key of real) for (let taken = 0; taken < BUDGET.limit; taken += 1) await take(key);
      await inventKeys(fixture.limiter, { kind: "auth", count: INVENTED, budget: BUDGET });
      for (const key of real) expect(await take(key)).toBe(60);
      await fixture.clock.advance(60_000);
      for (const key of real) expect(await take(key)).toBe(0);
    }, 30_000);
  });
}

/** More than an adapter with little room remembers one by one; few enough for one that asks a server each time. */
const INVENTED = 10_000;
