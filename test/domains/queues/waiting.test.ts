// Checks that /ready names work that waits longer than it ever should, with its queue and its system.
import { expect, test } from "bun:test";
import { openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";

const ready = async ({ app }: TestApp) => {
  const response = await app.handleOperations(new Request("http://localhost/ready"));
  const { data } = (await response.json()) as { data: { status: string; checks: Record<string, { reason?: string }> } };
  return [response.status, data.status, data.checks["queues"]?.reason];
};

test("what nobody takes degrades /ready after QUEUE_MAX_WAIT, naming the queue and the system", async () => {
  await using muster = await openTestApp({ QUEUE_MAX_WAIT: "5m" });
  const { system_id: lane, system_key: key } = await muster.addSystem();
  await muster.app.queue.push([{ queue: "collect:notifications", payload: "{}", lane }]);
  await muster.clock.advance(5 * 60_000);
  expect(await ready(muster)).toEqual([200, "ready", undefined]);
  await muster.clock.advance(60_000);
  const sentence = `In collect:notifications a job of the system ${key} has been waiting for 6 min.`;
  expect(await ready(muster)).toEqual([200, "degraded", sentence]);
}, 60_000);

test("so does what is tried again and again, whether its tries count or not; what is for later does not", async () => {
  await using muster = await openTestApp({ QUEUE_MAX_WAIT: "5m" });
  const { queue } = muster.app;
  await queue.push([
    { queue: "for later", payload: "x", delayMs: 3_600_000 },
    { queue: "again", payload: "x" },
  ]);
  for (let minute = 0; minute < 6; minute += 1) {
    const [job] = await queue.claim(["again"], { count: 1, bytes: 1_000 }, 60_000);
    if (job) await queue.release([job], "it is away", 30_000);
    await muster.clock.advance(60_000);
  }
  expect(await ready(muster)).toEqual([200, "degraded", "In again a job has been waiting for 6 min (it is away)."]);
}, 60_000);
