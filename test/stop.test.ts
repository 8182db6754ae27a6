// Stops everything within one limit: work at once, then closing in order, and whatever hangs is named and left.
import { describe, expect, test } from "bun:test";
import { openUnderWay } from "../src/http/listen/under-way.ts";
import type { LogFacts } from "../src/log.ts";
import { stopWithin } from "../src/app/stop.ts";
import { testLog } from "./support/run.ts";

const never = () => new Promise<never>(() => {});

function openRecord() {
  const warned: LogFacts[] = [];
  return { warned, log: { ...testLog, warn: (_: string, facts: LogFacts = {}) => void warned.push(facts) } };
}

describe("a stop", () => {
  test("finishes work at once, closes in order, and says nothing when all was done", async () => {
    const { warned, log } = openRecord();
    const done: string[] = [];
    const limits: number[] = [];
    const finish = async (limitMs: number) => {
      limits.push(limitMs);
      return [];
    };
    const close = ["queue", "database"].map((name) => ({ name, run: async () => void done.push(name) }));
    await stopWithin(4_000, { finish: [finish, finish], close, last: async (ms) => void limits.push(ms) }, log);
    expect(done).toEqual(["queue", "database"]);
    // A quarter is kept for closing.
    expect(limits.slice(0, 2)).toEqual([3_000, 3_000]);
    expect(limits[2]).toBeLessThanOrEqual(4_000);
    expect(warned).toEqual([]);
  });

  test("of which everything hangs or fails goes on to its end, and names what was left", async () => {
    const { warned, log } = openRecord();
    const done: string[] = [];
    const fail = async () => {
      throw new Error("it broke");
    };
    await stopWithin(
      200,
      {
        finish: [async () => ["POST /api/x", "2 jobs of alerts"]],
        close: [
          { name: "the queue", run: never },
          { name: "Redis", run: fail },
          { name: "the database", run: async () => void done.push("database") },
        ],
        last: async (ms) => void done.push(`postgres ${ms > 0}`),
      },
      log,
    );
    expect(done).toEqual(["database", "postgres true"]);
    expect(warned).toEqual([
      { limit: "0.2s", left: "POST /api/x, 2 jobs of alerts, the queue (not closed in time), Redis (it broke)" },
    ]);
  });

  test("names at most eight", async () => {
    const { warned, log } = openRecord();
    const names = Array.from({ length: 10 }, (_, index) => `GET /${index}`);
    await stopWithin(100, { finish: [async () => names], close: [], last: async () => {} }, log);
    expect(warned[0]?.["left"]).toEndWith("GET /7 and 2 more");
  });
});

test("requests under way are counted, and named without ids, secrets and queries", async () => {
  const underWay = openUnderWay();
  const gate = Promise.withResolvers<Response>();
  const fetch = underWay.during(() => gate.promise);
  const ask = (path: string, method = "GET") => fetch(new Request(`http://x${path}`, { method }));
  const asked = [
    ask("/api/systems/backups/0193e0a2-1111-7000-8000-000000000001?token=secret"),
    ask("/api/systems/inventory", "POST"),
    ask("/api/systems/inventory", "POST"),
  ];
  expect(underWay.names()).toEqual(["GET /api/systems/backups/…", "2 × POST /api/systems/inventory"]);
  gate.resolve(new Response());
  await Promise.all(asked);
  expect(underWay.count()).toBe(0);
});
