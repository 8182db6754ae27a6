// The database goes away and comes back under a running runner.
import { expect, test } from "bun:test";
import { createSeverableDatabase } from "../support/severable.ts";
import { LEASE_MS, POLL_MS, gate, handlerOf, openJobs } from "./fixture.ts";
import { until } from "./until.ts";

test("waits out a queue that cannot be reached, says so once, and goes on by itself", async () => {
  await using severable = await createSeverableDatabase();
  const { runner, clock, lines } = openJobs(severable.database);
  const elsewhere = openJobs(severable.direct);
  const seen: string[] = [];
  const opened = runner(
    handlerOf(async (jobs) => void seen.push(...jobs.map((job) => job.payload))),
    handlerOf(async () => {}, { queue: "other" }),
  );
  opened.start();
  await elsewhere.push("before");
  await until(() => seen.length === 1, clock, POLL_MS);
  await severable.cut();
  await elsewhere.push("during");
  await until(() => lines.some((line) => line.includes("The queue is away")), clock, POLL_MS);
  const since = clock.now().getTime();
  await until(() => clock.now().getTime() > since + 600_000, clock, 2_000);
  expect(seen).toEqual(["before"]);
  expect(lines.filter((line) => line.includes("is away"))).toHaveLength(1);

  await severable.mend();
  await until(() => seen.length === 2, clock, POLL_MS);
  expect(seen).toEqual(["before", "during"]);
  expect(lines.filter((line) => line.includes("The queue is back"))).toHaveLength(1);
  await opened.stop(1_000);
}, 60_000);

test("keeps an outcome until it can be stored", async () => {
  await using severable = await createSeverableDatabase();
  const { runner, clock, push, lines } = openJobs(severable.database);
  const elsewhere = openJobs(severable.direct);
  const door = gate();
  let calls = 0;
  const opened = runner(
    handlerOf(async (jobs) => {
      calls += 1;
      await door.passed;
      return jobs.map(() => [{ queue: "next", payload: "follows" }]);
    }),
  );
  await push("a", "b");
  opened.start();
  await until(() => calls === 1);
  await severable.cut();
  door.open();
  await until(() => lines.some((line) => line.includes("The queue is away")));
  await until(() => clock.now().getTime() > Date.parse("2026-01-01T00:00:10Z"), clock, 500);
  await severable.mend();
  await until(() => opened.stats()["work"]?.done === 2, clock, 500);
  expect(calls).toBe(1);
  await elsewhere.clock.advance(LEASE_MS);
  expect(await elsewhere.queue.list("next", "pending", 10)).toHaveLength(2);
  expect((await elsewhere.queue.counts())["work"]).toBeUndefined();
  await opened.stop(1_000);
});

test("a stop during an outage ends at its deadline, and the work is done again later", async () => {
  await using severable = await createSeverableDatabase();
  const { runner, clock, push, lines } = openJobs(severable.database);
  const elsewhere = openJobs(severable.direct);
  const door = gate();
  const opened = runner(handlerOf(() => door.passed));
  await push("a");
  opened.start();
  await until(() => opened.stats()["work"]?.running === 1);
  await severable.cut();
  door.open();
  await until(() => lines.some((line) => line.includes("The queue is away")));
  let left: number | undefined;
  const stopped = opened.stop(3_000).then((count) => (left = count));
  await until(() => left !== undefined, clock, 500);
  await stopped;
  expect(left).toBe(1);
  await elsewhere.clock.advance(clock.now().getTime() + LEASE_MS - elsewhere.clock.now().getTime());
  const [again] = await elsewhere.queue.claim(["work"], { count: 1, bytes: 1 }, LEASE_MS);
  expect(again).toMatchObject({ payload: "a", attempt: 2 });
});
