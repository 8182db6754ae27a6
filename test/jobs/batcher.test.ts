// Group commit: who shares a flush, and what each caller learns.
import { expect, test } from "bun:test";
import { Failure } from "../../src/errors.ts";
import { openBatcher } from "../../src/jobs/batcher.ts";

/** A flush that the test lets through, one call at a time. */
function gatedFlush() {
  const calls: { items: number[]; finish: (error?: unknown) => void }[] = [];
  const flush = (items: number[]) =>
    new Promise<void>((resolve, reject) => {
      calls.push({ items, finish: (error) => (error === undefined ? resolve() : reject(error)) });
    });
  return { calls, flush };
}

const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

test("items of one moment ride in one flush, in their order", async () => {
  const flushed: number[][] = [];
  const batcher = openBatcher<number>({ flush: async (items) => void flushed.push(items) });
  await Promise.all([1, 2, 3].map((item) => batcher.add(item)));
  expect(flushed).toEqual([[1, 2, 3]]);
});

test("newcomers gather while flushes are under way, and go next together", async () => {
  const { calls, flush } = gatedFlush();
  const batcher = openBatcher<number>({ flush, maxFlushes: 1 });
  const first = batcher.add(1);
  await turn();
  const rest = [2, 3, 4].map((item) => batcher.add(item));
  await turn();
  expect(calls.map((call) => call.items)).toEqual([[1]]);
  calls[0]?.finish();
  await first;
  await turn();
  expect(calls.map((call) => call.items)).toEqual([[1], [2, 3, 4]]);
  calls[1]?.finish();
  await Promise.all(rest);
  await batcher.close();
});

test("no flush is larger than it may be, in items or in bytes", async () => {
  const flushed: number[][] = [];
  const flush = async (items: number[]) => void flushed.push(items);
  const few = openBatcher<number>({ flush, maxItems: 2, maxFlushes: 1 });
  await Promise.all([1, 2, 3, 4, 5].map((item) => few.add(item)));
  expect(flushed.splice(0)).toEqual([[1, 2], [3, 4], [5]]);
  const small = openBatcher<number>({ flush, maxBytes: 10, bytesOf: (item) => item, maxFlushes: 1 });
  await Promise.all([4, 6, 1, 50, 2].map((item) => small.add(item)));
  expect(flushed).toEqual([[4, 6], [1], [50], [2]]);
});

test("a flush that fails fails exactly its own items", async () => {
  const { calls, flush } = gatedFlush();
  const batcher = openBatcher<number>({ flush, maxItems: 2, maxFlushes: 2 });
  const outcomes = Promise.allSettled([1, 2, 3, 4].map((item) => batcher.add(item)));
  await turn();
  calls[0]?.finish(new Error("disk full"));
  calls[1]?.finish();
  expect((await outcomes).map((outcome) => outcome.status)).toEqual(["rejected", "rejected", "fulfilled", "fulfilled"]);
  const after = batcher.add(5);
  await turn();
  calls[2]?.finish();
  await after;
});

test("a flush that throws at once is a failure too, not a crash", async () => {
  const batcher = openBatcher<number>({
    flush: () => {
      throw new Error("broken");
    },
  });
  expect(batcher.add(1)).rejects.toThrow("broken");
  await batcher.add(1).catch(() => {});
});

test("too many waiting items answer 503 with a second to wait, and take nothing", async () => {
  const { calls, flush } = gatedFlush();
  const batcher = openBatcher<number>({ flush, maxItems: 1, maxFlushes: 1, maxWaiting: 2 });
  const first = batcher.add(0);
  await turn();
  const waiting = [batcher.add(1), batcher.add(2)];
  const refused = await batcher.add(3).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Failure);
  expect(refused).toMatchObject({ code: "ingest.busy", status: 503, retryAfterSeconds: 1 });
  for (let index = 0; index < 3; index += 1) {
    calls[index]?.finish();
    await turn();
  }
  await Promise.all([first, ...waiting]);
  expect(calls.map((call) => call.items)).toEqual([[0], [1], [2]]);
});

test("closing flushes what waits, and refuses what comes later", async () => {
  const { calls, flush } = gatedFlush();
  const batcher = openBatcher<number>({ flush, maxItems: 1, maxFlushes: 1 });
  const adds = [1, 2, 3].map((item) => batcher.add(item));
  let closed = false;
  const closing = batcher.close().then(() => (closed = true));
  for (let index = 0; index < 3; index += 1) {
    await turn();
    expect(closed).toBe(false);
    calls[index]?.finish();
  }
  await closing;
  await Promise.all(adds);
  expect(await batcher.add(4).catch((error: unknown) => error)).toMatchObject({ status: 503 });
});
