// The waits between tries.
import { expect, test } from "bun:test";
import { dependencyOutageDelayMs, queueOutageDelayMs, retryDelayMs } from "../../src/jobs/backoff.ts";

test.each([
  [1, 5_000],
  [2, 10_000],
  [3, 20_000],
  [4, 40_000],
  [7, 300_000],
  [2_000, 300_000],
])("after attempt %d a job waits at most %d ms, and at least four fifths of it", (attempt, ms) => {
  expect(retryDelayMs(attempt, 0)).toBe(ms);
  expect(retryDelayMs(attempt, 1)).toBe(ms * 0.8);
});

test("a queue out of reach is tried again after 250 ms, and at least every 2 s", () => {
  expect([1, 2, 3, 4, 5, 100].map(queueOutageDelayMs)).toEqual([250, 500, 1_000, 2_000, 2_000, 2_000]);
});

test("a dependency that is away is tried again after a second, and at least every half minute", () => {
  expect([1, 2, 6, 100].map((failures) => dependencyOutageDelayMs(failures, 0, 0))).toEqual([
    1_000, 2_000, 30_000, 30_000,
  ]);
});

test("a job that has failed so for long waits a tenth of its age, a minute at most", () => {
  expect(dependencyOutageDelayMs(1, 200_000, 0)).toBe(20_000);
  expect(dependencyOutageDelayMs(1, 86_400_000, 0)).toBe(60_000);
});
