// muster tokens, queues and migrate: who may operate, what waits, what the schema is.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createTestDatabase } from "../support/postgres.ts";
import { openTestApp } from "../support/app.ts";
import type { TestApp } from "../support/app.ts";
import { commandJson, runCommand } from "../support/command.ts";

let muster: TestApp;
let env: { DATABASE_URL: string };
beforeAll(async () => {
  muster = await openTestApp();
  env = { DATABASE_URL: muster.databaseUrl };
}, 60_000);
afterAll(() => muster[Symbol.asyncDispose](), 60_000);

const run = (...args: string[]) => runCommand(args, env);
const json = <Value = Record<string, unknown>>(...args: string[]) => commandJson<Value>(args, env);

describe("muster tokens", () => {
  const statusWith = async (token: string) =>
    (await muster.request("GET", "/api/admin/systems", { authorization: `Bearer ${token}` })).status;

  test("a token opens the admin API until it is revoked, by name or by id", async () => {
    expect((await run("tokens", "list")).stdout).toContain("No tokens yet");
    const { token } = await json<{ token: string }>("tokens", "add", "--name", "grafana");
    expect(await statusWith(token)).toBe(200);
    const listed = await run("tokens", "list");
    expect(listed.stdout).toMatch(/grafana  \S+Z  \d{4}-\S+Z\n/);
    expect(listed.stdout).not.toContain(token);
    expect(await json("tokens", "revoke", "grafana")).toEqual({ revoked: "grafana" });
    expect(await statusWith(token)).toBe(401);

    const words = await run("tokens", "add", "--name", "second");
    expect(await statusWith(words.stdout.split("\n")[0] ?? "")).toBe(200);
    const { tokens } = await json<{ tokens: { id: string; name: string }[] }>("tokens", "list");
    const second = tokens.find((one) => one.name === "second");
    expect((await run("tokens", "revoke", second?.id ?? "")).stdout).toBe(`Revoked ${second?.id}.\n`);
  }, 60_000);

  test("revoking what is not there ends with 1", async () => {
    const { code, stderr } = await run("tokens", "revoke", "nobody");
    expect(code).toBe(1);
    expect(stderr).toContain('"nobody"');
  }, 60_000);
});

describe("muster queues", () => {
  test("lists a dead job with its reason, redrives it and discards it", async () => {
    expect((await run("queues")).stdout).toBe("Nothing waits.\n");
    const { queue, runner } = muster.app;
    await queue.push([
      { queue: "collect:processing", payload: "{}" },
      { queue: "collect:processing", payload: "{}" },
    ]);
    await runner.drain();
    const { jobs } = await json<{ jobs: { id: string; reason: string }[] }>("queues", "list", "collect:processing");
    const dead = { reason: "the payload names no record", attempt: 1, state: "dead", payload_bytes: 2 };
    expect(jobs).toMatchObject([dead, dead]);
    expect((await run("queues", "list", "collect:processing")).stdout).toContain("the payload names no record");
    expect(await json("queues")).toMatchObject({ "collect:processing": { dead: 2, pending: 0 } });

    expect(await json("queues", "redrive", "collect:processing", "--id", jobs[0]?.id ?? "")).toEqual({ redriven: 1 });
    expect(await json("queues")).toMatchObject({ "collect:processing": { dead: 1, pending: 1 } });
    expect((await run("queues")).stdout).toMatch(/^QUEUE .*\ncollect:processing +1 +0 +0 +1\n$/);
    expect((await run("queues", "discard", "collect:processing")).stdout).toBe("1 job deleted.\n");
    expect(await json("queues", "list", "collect:processing")).toEqual({ jobs: [] });
  }, 60_000);

  test("an id that cannot be one touches nothing", async () => {
    expect(await json("queues", "redrive", "collect:processing", "--id", "none")).toEqual({ redriven: 0 });
  }, 60_000);
});

describe("muster migrate", () => {
  test("applies what is missing, once, and says so", async () => {
    await using empty = await createTestDatabase({ empty: true });
    const given = { DATABASE_URL: empty.url };
    const [one, other] = await Promise.all([commandJson(["migrate"], given), commandJson(["migrate"], given)]);
    const applied = [one, other].flatMap((result) => result["applied"] as string[]).sort();
    expect(applied[0]).toBe("0001_systems.sql");
    expect(new Set(applied).size).toBe(applied.length);
    const version = Number(applied.at(-1)?.slice(0, 4));
    expect([one["version"], other["version"]]).toEqual([version, version]);
    expect((await runCommand(["migrate"], given)).stdout).toBe(`Nothing to do: the schema is at version ${version}.\n`);
  }, 60_000);

  test("refuses a database that a newer muster has migrated, in words", async () => {
    await using newer = await createTestDatabase();
    await newer.database.query(
      "insert into schema_migrations (version, name, checksum) values (9999, '9999_later.sql', '')",
    );
    const { code, stderr } = await runCommand(["migrate"], { DATABASE_URL: newer.url });
    expect(code).toBe(1);
    expect(stderr).toContain("newer than this muster");
    expect(stderr).toContain("9999_later.sql");
  }, 60_000);
});
