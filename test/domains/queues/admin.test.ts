// Checks the queues as operators see them: counts, jobs without their payloads, redrive and discard; and the overview.
import { expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";

const QUEUE = "collect:heartbeat";
const path = `/api/admin/queues/${encodeURIComponent(QUEUE)}`;

interface Jobs {
  jobs: { id: string; state: string; reason: string | null; payload_bytes: number }[];
  next_cursor: string | null;
}

async function bury(app: TestApp, count: number): Promise<void> {
  await app.app.queue.push(Array.from({ length: count }, (_, index) => ({ queue: QUEUE, payload: `secret ${index}` })));
  const jobs = await app.app.queue.claim([QUEUE], { count, bytes: 1_000_000 }, 60_000);
  for (const job of jobs) await app.app.queue.bury(job, "no use");
}

test("lists dead jobs in pages with their reasons, and never what appliances sent", async () => {
  await using app = await openTestApp();
  await bury(app, 5);
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const answer: Awaited<ReturnType<typeof app.admin<Jobs>>> = await app.admin<Jobs>(
      "GET",
      `${path}?state=dead&limit=2&cursor=${cursor}`,
    );
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain("secret");
    for (const job of answer.body.data.jobs)
      expect(job).toMatchObject({ state: "dead", reason: "no use", payload_bytes: 8 });
    seen.push(...answer.body.data.jobs.map((job) => job.id));
    cursor = answer.body.data.next_cursor;
  }
  expect(new Set(seen).size).toBe(5);
}, 60_000);

test("counts every queue, redrives the named jobs and discards the rest", async () => {
  await using app = await openTestApp();
  await bury(app, 3);
  const counts = await app.admin<{ queues: Record<string, unknown> }>("GET", "/api/admin/queues");
  expect(counts.body.data.queues[QUEUE]).toMatchObject({ dead: 3, pending: 0 });
  const [first] = (await app.admin<Jobs>("GET", path)).body.data.jobs;
  const redriven = await app.admin("POST", `${path}/redrive`, { ids: [first?.id] });
  expect(redriven.body.data).toEqual({ redriven: 1 });
  expect((await app.admin("POST", `${path}/discard`, {})).body.data).toEqual({ discarded: 2 });
  expect((await app.admin("POST", `${path}/discard`, { ids: ["999999"] })).body.data).toEqual({ discarded: 0 });
  const left = await app.admin<{ queues: Record<string, unknown> }>("GET", "/api/admin/queues");
  expect(left.body.data.queues[QUEUE]).toMatchObject({ dead: 0, pending: 1 });
}, 60_000);

test("a queue that holds nothing is an empty list", async () => {
  await using app = await openTestApp();
  const { status, body } = await app.admin("GET", "/api/admin/queues/no-such-queue");
  expect([status, body.data]).toEqual([200, { jobs: [], next_cursor: null }]);
}, 60_000);

test("refuses unknown states, bad limits, forged cursors and malformed ids with 400", async () => {
  await using app = await openTestApp();
  for (const query of ["state=alive", "limit=0", "limit=1000", "cursor=xx", "cursor=WzFd", "ids=1", "limit=2.5"])
    expect({ query, status: (await app.admin("GET", `${path}?${query}`)).status }).toEqual({ query, status: 400 });
  for (const body of [{ ids: "1" }, { ids: ["a b"] }, { ids: [1] }, { ids: ["'; drop table jobs"] }, []])
    expect((await app.admin("POST", `${path}/redrive`, body)).status).toBe(400);
}, 60_000);

test("no queue is shown or touched without a token", async () => {
  await using app = await openTestApp();
  await bury(app, 1);
  const calls: [string, string][] = [
    ["GET", "/api/admin/queues"],
    ["GET", path],
    ["POST", `${path}/redrive`],
    ["POST", `${path}/discard`],
  ];
  for (const [method, at] of calls)
    expect((await app.request(method, at, method === "GET" ? {} : { body: "{}" })).status).toBe(401);
  expect((await app.app.queue.counts())[QUEUE]?.dead).toBe(1);
}, 60_000);

test("the overview adds the systems up by status", async () => {
  await using app = await openTestApp();
  const [active, suspended] = [await app.addSystem("Active"), await app.addSystem("Suspended")];
  await app.addSystem("Unknown");
  await app.request("POST", "/api/systems/heartbeat", { authorization: active.authorization });
  await app.app.runner.drain();
  await app.app.api.systems.suspend(OWNER, suspended.system_key);
  const { status, body } = await app.admin("GET", "/api/admin/overview");
  expect(status).toBe(200);
  expect(body.data["systems"]).toEqual({ total: 3, active: 1, inactive: 0, unknown: 1, suspended: 1 });
}, 60_000);
