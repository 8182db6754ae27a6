// Runs the simulated fleet against a real gateway, and one that loses what it acknowledged.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Simulation } from "../../src/simulate/run.ts";
import { createTestDatabase } from "../support/postgres.ts";
import type { TestDatabase } from "../support/postgres.ts";
import { runJson, runMuster, startGateway } from "../support/program.ts";
import type { Gateway } from "../support/program.ts";

describe("muster simulate", () => {
  let made: TestDatabase;
  let gateway: Gateway;
  let token: string;
  beforeAll(async () => {
    made = await createTestDatabase();
    const env = { DATABASE_URL: made.url, DATA_DIR: "/nonexistent" };
    token = (await runJson<{ token: string }>(["tokens", "add", "--name", "simulation"], { env })).token;
    gateway = await startGateway({ env });
  }, 240_000);
  afterAll(async () => {
    await gateway?.stop();
    await made?.[Symbol.asyncDispose]();
  }, 240_000);
  const target = () => ["--url", gateway.url, "--token", token, "--seed", "5"];

  test("loads a gateway with its default budgets, finds everything it acknowledged, and cleans up", async () => {
    const result = await runJson<Simulation & { erased: number }>([
      ...["simulate", ...target(), "--systems", "100"],
      ...["--rate", "60/s", "--duration", "4s", "--drain", "60s", "--cleanup"],
    ]);
    expect(result).toMatchObject({ systems: 100, complete: true, errors: {}, erased: 100 });
    expect(result.verification).toMatchObject({ drained: true, missing: [] });
    expect(result.inventories.acknowledged).toBeGreaterThan(30);
    expect(result.heartbeats.acknowledged).toBeGreaterThan(100);
    expect(result.heartbeats.latency.p99_ms).toBeGreaterThan(0);
  }, 240_000);

  test("says what is missing and ends with 1 when records were lost", async () => {
    const run = runMuster([
      ...["simulate", ...target(), "--systems", "4", "--json"],
      ...["--rate", "20", "--duration", "3s", "--drain", "60s"],
    ]);
    // As a gateway would that loses one: every record that appears is removed behind its back.
    let isRunning = true;
    const losing = (async () => {
      while (isRunning) {
        await made.database.query("delete from inventory_records where previous_record_id is null");
        await Bun.sleep(50);
      }
    })();
    const { code, stdout } = await run;
    isRunning = false;
    await losing;
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ complete: false });
    expect(JSON.parse(stdout).verification.missing[0]).toMatch(
      /^simulated-5-\d: \d+ inventories were acknowledged, \d+ are there/,
    );
    expect(await runJson(["simulate", ...target(), "--cleanup-only"])).toEqual({ erased: 4 });
  }, 240_000);

  test.each([
    [["--url", "http://gateway.example.org:8081", "--token", "t"], "--yes-really"],
    [["--url", "ftp://127.0.0.1", "--token", "t"], "--url must be"],
    [[], "--token is missing"],
    [["--token", "t", "--systems", "0"], "--systems must be a whole number"],
    [["--token", "t", "--duration", "soon"], "--duration must be a duration"],
  ])(
    "refuses %p",
    async (args, hint) => {
      const { code, stderr } = await runMuster(["simulate", ...args]);
      expect(code).toBe(2);
      expect(stderr).toContain(hint);
    },
    240_000,
  );

  test("says in words that a token is not accepted", async () => {
    const { code, stderr } = await runMuster(["simulate", "--url", gateway.url, "--token", "wrong", "--systems", "1"]);
    expect(code).toBe(1);
    expect(stderr).toContain("The gateway answered 401 to GET /api/admin/systems");
  }, 240_000);
});
