// Large documents: another thread, the same answers; bounded, and honest when there is no room.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { BUILTIN_RULES } from "../../../../src/domains/inventory/rules/builtin-rules.ts";
import { compareTexts } from "../../../../src/domains/inventory/rules/judge.ts";
import { inspect, LARGE_BYTES } from "../../../../src/domains/inventory/intake/document.ts";
import { openLargeDocuments } from "../../../../src/domains/inventory/large/thread.ts";
import type { LargeDocuments } from "../../../../src/domains/inventory/large/thread.ts";
import { packText } from "../../../../src/domains/inventory/intake/payload.ts";
import { openRules } from "../../../../src/domains/inventory/rules/rules.ts";
import { openByteSemaphore, openSweep } from "../../../../src/domains/inventory/intake/memory.ts";
import { openTestApp } from "../../../support/app.ts";
import { testClock } from "../../../support/clock.ts";
import { isTrue, readHistory } from "../../../support/history.ts";

const documentOf = (serial: number, count = 6_000) => {
  const things = Array.from({ length: count }, (_, at) => ({ id: `t${at}`, size: at % 100 === 0 ? at + serial : at }));
  return JSON.stringify({ installation: "other", exact: "12345678901234567890", facts: { things } });
};
const bytesOf = (text: string) => new TextEncoder().encode(text);

describe("the thread for large documents", () => {
  const clock = testClock();
  let large: LargeDocuments;
  beforeAll(() => {
    large = openLargeDocuments({ clock });
  }, 240_000);
  afterAll(() => large.close(), 60_000);

  test("checks as the small path does", async () => {
    const { text, ...read } = inspect(bytesOf(documentOf(1)));
    expect(await large.inspect(bytesOf(documentOf(1)))).toEqual({ inspected: read, packed: packText(text) });
  }, 240_000);

  test("refuses as the small path does, with the same words", async () => {
    const broken = `${documentOf(1).slice(0, -3)},}`;
    const refusal = (error: unknown) => error as { code: string; status: number; message: string; data: unknown };
    const small = await Promise.try(() => inspect(bytesOf(broken))).catch(refusal);
    const other = await large.inspect(bytesOf(broken)).catch(refusal);
    expect(other).toMatchObject({ code: "inventory.malformed", status: 400 });
    expect(other).toEqual(small as never);
  }, 240_000);

  test("compares as the small path does", async () => {
    const [previous, current] = [documentOf(1), documentOf(2)];
    const here = compareTexts(previous, current, openRules(BUILTIN_RULES));
    const there = await large.compare({ previous, current, ruleSet: BUILTIN_RULES });
    expect(there).toEqual(here);
    expect(there.length).toBe(60);
  }, 240_000);

  test("fails one comparison alone, and goes on", async () => {
    const bad = { previous: "[]", current: "{}", ruleSet: BUILTIN_RULES };
    const [failed, done] = await Promise.allSettled([large.compare(bad), large.inspect(bytesOf(documentOf(3)))]);
    expect(failed).toMatchObject({ status: "rejected", reason: { message: expect.stringContaining("not an object") } });
    expect(done.status).toBe("fulfilled");
  }, 240_000);

  test("ends when idle and comes back when needed", async () => {
    await large.inspect(bytesOf(documentOf(4)));
    expect(clock.pending()).toBe(1);
    await clock.advance(30_000);
    expect(clock.pending()).toBe(0);
    expect((await large.inspect(bytesOf(documentOf(4)))).inspected.size).toBeGreaterThan(0);
  }, 240_000);
});

test("a system with large inventories has a true chain and the right changes", async () => {
  await using muster = await openTestApp();
  const system = await muster.addSystem();
  for (const serial of [1, 2, 3, 2]) {
    const body = documentOf(serial, 12_000);
    expect(body.length).toBeGreaterThan(LARGE_BYTES);
    const { authorization } = system;
    expect((await muster.request("POST", "/api/systems/inventory", { authorization, body })).status).toBe(200);
    await muster.clock.advance(1_000);
    await muster.app.runner.drain();
  }
  const history = await readHistory(async (path) => {
    const { text } = await muster.admin("GET", path);
    return text.slice(text.indexOf('"data":') + 7, -1);
  }, system.system_key);
  expect(history.recordIds.length).toBe(4);
  expect(history.changes.length).toBe(3 * 120);
  expect(isTrue(history)).toBe(true);
}, 240_000);

describe("bytes at work", () => {
  test("let in what fits, the rest in its order, and send away what would wait too long", async () => {
    const semaphore = openByteSemaphore({ maxBytes: 10, maxWaitingBytes: 8 });
    const done: string[] = [];
    const holds = Promise.withResolvers<void>();
    const first = semaphore.take(8, () => holds.promise);
    const second = semaphore.take(4, async () => void done.push("second"));
    const third = semaphore.take(4, async () => void done.push("third"));
    expect(await semaphore.take(1, async () => {}).catch((error: unknown) => error)).toMatchObject({
      status: 503,
      retryAfterSeconds: 2,
    });
    expect(done).toEqual([]);
    holds.resolve();
    await Promise.all([first, second, third]);
    expect(done).toEqual(["second", "third"]);
    await semaphore.take(99, async () => void done.push("alone"));
    expect(done).toContain("alone");
  }, 240_000);

  test("are given back by work that fails", async () => {
    const semaphore = openByteSemaphore({ maxBytes: 1, maxWaitingBytes: 1 });
    expect(await semaphore.take(1, () => Promise.reject(new Error("broken"))).catch(String)).toBe("Error: broken");
    expect(await semaphore.take(1, async () => "next")).toBe("next");
  }, 240_000);
});

test("a collection is asked for every 16 MB of large documents, never for small ones", () => {
  let collected = 0;
  const sweep = openSweep(() => void (collected += 1));
  for (let times = 0; times < 1_000; times++) sweep.after(LARGE_BYTES);
  expect(collected).toBe(0);
  for (let times = 0; times < 8; times++) sweep.after(8 * 1024 ** 2);
  expect(collected).toBe(4);
});
