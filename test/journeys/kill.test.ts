// Killed at random points under load: whatever was acknowledged is there afterwards, once, and compared.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { findRunningPostgres } from "../../src/adapters/postgres/carried.ts";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import type { PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import { readPostmaster } from "../../src/adapters/postgres/remains.ts";
import { layoutOf } from "../../src/adapters/postgres/layout.ts";
import { rmSync } from "node:fs";
import { basic } from "../support/app.ts";
import { noAcknowledgements, runLoad } from "../support/load.ts";
import { temporaryDirectory, testLog } from "../support/postgres.ts";
import { runJson, startGateway } from "../support/program.ts";
import type { Gateway } from "../support/program.ts";
import { seeded } from "../support/random.ts";
import { findFaults, untilDrained } from "../support/verify.ts";

/** Another seed, or more kills, for a long run: KILL_SEED=7 KILLS=200 bun test test/journeys/kill.test.ts */
const SEED = Number(process.env["KILL_SEED"] ?? 1);
const KILLS = Number(process.env["KILLS"] ?? 10);
const SYSTEMS = 12;

let dataDir: string;
let gateway: Gateway;
let systems: { system_key: string; authorization: string }[];

const start = () => startGateway({ env: { DATA_DIR: dataDir, INVENTORY_RATE_PER_MINUTE: "100000" } });

beforeAll(async () => {
  dataDir = temporaryDirectory("kill");
  gateway = await start();
  systems = [];
  const { token } = await runJson<{ token: string }>(["tokens", "add", "--name", "kill"], {
    env: { DATA_DIR: dataDir },
  });
  for (let index = 0; index < SYSTEMS; index += 1) {
    const headers = { authorization: `Bearer ${token}` };
    const created = await fetch(`${gateway.url}/api/admin/systems`, {
      method: "POST",
      headers,
      body: JSON.stringify({ name: `Kill ${index}` }),
    });
    const { system_key, system_secret } = (
      (await created.json()) as { data: { system_key: string; system_secret: string } }
    ).data;
    await fetch(`${gateway.url}/api/systems/register`, { method: "POST", body: JSON.stringify({ system_secret }) });
    systems.push({ system_key, authorization: basic(system_key, system_secret) });
  }
}, 60_000);

afterAll(async () => {
  await gateway.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

/** The carried PostgreSQL, from outside the gateway. */
async function withDatabase<Result>(work: (database: PostgresDatabase) => Promise<Result>): Promise<Result> {
  const connection = findRunningPostgres(dataDir);
  if (!connection) throw new Error("the carried PostgreSQL does not run");
  const database = openDatabase(connection, { maxConnections: 2, log: testLog, queryTimeoutMs: 30_000 });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Load while `disturb` does its worst; then the queues drain and everything acknowledged must be there. */
async function survive(seed: number, disturb: () => Promise<void>) {
  const acknowledged = noAcknowledgements();
  const surprises: string[] = [];
  const stop = new AbortController();
  const load = runLoad(
    {
      url: () => gateway.url,
      systems,
      random: seeded(seed),
      signal: stop.signal,
      onSurprise: (sentence) => surprises.push(sentence),
    },
    acknowledged,
  );
  await disturb();
  stop.abort();
  await load;
  await withDatabase(async (database) => {
    await untilDrained(database);
    expect(await findFaults(database, acknowledged)).toEqual([]);
  });
  expect(surprises).toEqual([]);
  return [...acknowledged.inventories.values()].reduce((sum, serials) => sum + serials.length, 0);
}

describe("nothing acknowledged is lost or doubled", () => {
  test(
    `when the gateway is killed ${KILLS} times at random points`,
    async () => {
      const random = seeded(SEED);
      const count = await survive(SEED, async () => {
        for (let kill = 0; kill < KILLS; kill += 1) {
          await Bun.sleep(100 + random.int(900));
          process.kill(gateway.pid, "SIGKILL");
          gateway = await start();
        }
        await Bun.sleep(500);
      });
      expect(count).toBeGreaterThan(KILLS * 5);
    },
    60_000 + KILLS * 10_000,
  );

  test("when PostgreSQL is killed under load, and it serves again within 2 s", async () => {
    const outages: number[] = [];
    await survive(SEED + 1, async () => {
      for (let kill = 0; kill < 3; kill += 1) {
        await Bun.sleep(500);
        const postmaster = readPostmaster(layoutOf(dataDir).files);
        if (!postmaster) throw new Error("there is no postmaster to kill");
        process.kill(postmaster.pid, "SIGKILL");
        const startMs = performance.now();
        await untilBeatIsAcknowledged();
        outages.push(performance.now() - startMs);
      }
      await Bun.sleep(500);
    });
    expect(Math.max(...outages)).toBeLessThan(2_000);
  }, 60_000);
});

/** A first answer may still come from before the kill was noticed: so two in a row. */
async function untilBeatIsAcknowledged(): Promise<void> {
  for (let acknowledged = 0; acknowledged < 2;) {
    const startMs = performance.now();
    const authorization = systems[0]?.authorization ?? "";
    const { status } = await fetch(`${gateway.url}/api/systems/heartbeat`, {
      method: "POST",
      headers: { authorization },
    });
    acknowledged = status === 200 ? acknowledged + 1 : 0;
    // An outage is told at once, not after a timeout.
    if (status !== 200)
      expect({ status, quick: performance.now() - startMs < 1_000 }).toEqual({ status: 503, quick: true });
    await Bun.sleep(20);
  }
}
