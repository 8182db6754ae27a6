// Where the kill suite fights: a gateway under load, something done to it or to what it stands on, and the reckoning after.
import { appendFileSync, readFileSync, rmSync } from "node:fs";
import { expect } from "bun:test";
import { findRunningPostgres } from "../../src/adapters/postgres/carried/carried.ts";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import type { PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import type { Environment } from "../../src/config/environment.ts";
import { basic } from "./app.ts";
import { noAcknowledgements, runLoad } from "./load.ts";
import { diskDirectory, testLog } from "./run.ts";
import { runJson, startGateway } from "./program.ts";
import type { Gateway } from "./program.ts";
import { seeded } from "./random.ts";
import type { Random } from "./random.ts";
import { findFaults } from "./verify.ts";

/** `KILL_SEED=7 KILL_ROUNDS=100 bun run test:kill` is another, longer run; KILL_REPORT names a file for its table. */
const SEED = Number(process.env["KILL_SEED"] ?? 1);
/** How often each scenario does its worst; undefined for the scenario's own number. */
const ROUNDS = process.env["KILL_ROUNDS"] === undefined ? undefined : Number(process.env["KILL_ROUNDS"]);
const REPORT = process.env["KILL_REPORT"];
const SYSTEMS = 12;
const DRAIN_MS = 60_000;
/** Above what it had at rest before: a heap that grew once is not given back at once. */
const MAX_GROWTH_BYTES = 250 * 1024 ** 2;

export interface Arena extends AsyncDisposable {
  dataDir: string;
  gateway(): Gateway;
  /** SIGKILL, and started again on what it left. */
  killGateway(): Promise<void>;
  /** Pids of the gateway's processes that have a role; where it is one process, that one. */
  pidsOf(role: string): Promise<number[]>;
  /** Until a heartbeat is acknowledged twice in a row; returns how long that took, in ms. */
  untilServing(): Promise<number>;
  /** Load while `disturb` does its worst, `rounds` times; then everything acknowledged must be there once. */
  survive(scenario: string, rounds: number, disturb: (random: Random) => Promise<number | void>): Promise<void>;
}

export interface ArenaOptions {
  env?: Environment;
  dataDir?: string;
  /** Where the tables are; the carried PostgreSQL unless told otherwise. */
  database?: PostgresDatabase;
}

/** Time that a test of the suite may take. */
export const limitOf = (rounds: number) => 90_000 + (ROUNDS ?? rounds) * 15_000;

export async function openArena({
  env = {},
  dataDir = diskDirectory("kill"),
  database,
}: ArenaOptions = {}): Promise<Arena> {
  const settings = { DATA_DIR: dataDir, INVENTORY_RATE_PER_MINUTE: "100000", ...env };
  const start = () => startGateway({ env: settings });
  let gateway = await start();
  const systems = await addSystems(gateway, settings);

  const withDatabase = async <Result>(work: (database: PostgresDatabase) => Promise<Result>): Promise<Result> => {
    if (database) return work(database);
    const connection = findRunningPostgres(dataDir);
    if (!connection) throw new Error("the carried PostgreSQL does not run");
    const own = openDatabase(connection, { maxConnections: 2, log: testLog, queryTimeoutMs: 30_000 });
    try {
      return await work(own);
    } finally {
      await own.close();
    }
  };

  const untilServing = async () => {
    const startMs = performance.now();
    for (let inARow = 0; inARow < 2;) {
      const status = await beat(gateway.url, systems[0]?.authorization ?? "");
      inARow = status === 200 ? inARow + 1 : 0;
      if (performance.now() - startMs > DRAIN_MS) throw new Error(`not serving again: the last status was ${status}`);
      await Bun.sleep(20);
    }
    return performance.now() - startMs;
  };

  const arena: Arena = {
    dataDir,
    gateway: () => gateway,
    async killGateway() {
      process.kill(gateway.pid, "SIGKILL");
      gateway = await start();
    },
    async pidsOf(role) {
      const { processes } = await statsOf(gateway);
      return processes?.filter(({ roles }) => roles.includes(role)).flatMap(({ pid }) => pid ?? []) ?? [gateway.pid];
    },
    untilServing,

    async survive(scenario, rounds, disturb) {
      const acknowledged = noAcknowledgements();
      const surprises: string[] = [];
      const outages: number[] = [];
      const stop = new AbortController();
      const restingBytes = residentBytes(gateway.pid);
      const pidBefore = gateway.pid;
      const options = {
        url: () => gateway.url,
        systems,
        random: seeded(SEED),
        signal: stop.signal,
        onSurprise: (sentence: string) => surprises.push(sentence),
      };
      const load = runLoad(options, acknowledged);
      const random = seeded(SEED + 1);
      for (let round = 0; round < (ROUNDS ?? rounds); round += 1) {
        await Bun.sleep(100 + random.int(600));
        outages.push((await disturb(random)) ?? 0);
      }
      await untilServing();
      await Bun.sleep(300);
      stop.abort();
      await load;
      await untilDrained(gateway);
      const faults = await withDatabase((open) => findFaults(open, acknowledged));
      const growth = gateway.pid === pidBefore ? residentBytes(gateway.pid) - restingBytes : 0;
      const inventories = [...acknowledged.inventories.values()].reduce((sum, serials) => sum + serials.length, 0);
      report({ scenario, rounds: ROUNDS ?? rounds, inventories, faults: faults.length, outages, growth });
      expect({ faults, surprises }).toEqual({ faults: [], surprises: [] });
      expect(inventories).toBeGreaterThan((ROUNDS ?? rounds) * 3);
      expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
    },

    async [Symbol.asyncDispose]() {
      await gateway.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return arena;
}

interface Stats {
  queues: Record<string, { pending: number; delayed: number; active: number }>;
  processes?: { roles: string[]; pid: number | null }[];
}

async function statsOf({ operationsUrl }: Gateway): Promise<Stats> {
  return ((await (await fetch(`${operationsUrl}/stats`)).json()) as { data: Stats }).data;
}

/** In PostgreSQL and in Redis alike, as the gateway sees them once it is whole again: what is away cannot be counted. */
async function untilDrained(gateway: Gateway): Promise<void> {
  const endMs = performance.now() + DRAIN_MS;
  for (;;) {
    const { message } = (await (await fetch(`${gateway.operationsUrl}/ready`)).json()) as { message: string };
    const queues = Object.entries((await statsOf(gateway)).queues);
    const waiting = queues.filter(([, { pending, delayed, active }]) => pending + delayed + active > 0);
    if (waiting.length === 0 && message === "service ready") return;
    if (performance.now() > endMs) throw new Error(`the queues did not drain: ${message}, ${JSON.stringify(waiting)}`);
    await Bun.sleep(100);
  }
}

async function addSystems(gateway: Gateway, env: Environment) {
  const { token } = await runJson<{ token: string }>(["tokens", "add", "--name", "kill"], { env });
  return Promise.all(
    Array.from({ length: SYSTEMS }, async (_, index) => {
      const created = await fetch(`${gateway.url}/api/admin/systems`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify({ name: `Kill ${index}` }),
      });
      const { data } = (await created.json()) as { data: { system_key: string; system_secret: string } };
      const body = JSON.stringify({ system_secret: data.system_secret });
      await fetch(`${gateway.url}/api/systems/register`, { method: "POST", body });
      return { system_key: data.system_key, authorization: basic(data.system_key, data.system_secret) };
    }),
  );
}

async function beat(url: string, authorization: string): Promise<number> {
  try {
    const signal = AbortSignal.timeout(15_000);
    const answer = await fetch(`${url}/api/systems/heartbeat`, { method: "POST", headers: { authorization }, signal });
    await answer.body?.cancel();
    return answer.status;
  } catch {
    return 0;
  }
}

const residentBytes = (pid: number) =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;

interface Outcome {
  scenario: string;
  rounds: number;
  inventories: number;
  faults: number;
  /** ms until it served again, one a round; 0 where the scenario does not measure it. */
  outages: number[];
  growth: number;
}

/** A row of docs/durability.md. */
function report({ scenario, rounds, inventories, faults, outages, growth }: Outcome): void {
  if (!REPORT) return;
  const longest = Math.max(...outages);
  const cells = [
    scenario,
    rounds,
    inventories,
    faults,
    longest > 0 ? `${(longest / 1000).toFixed(1)} s` : "–",
    `${Math.round(growth / 1024 ** 2)} MB`,
  ];
  appendFileSync(REPORT, `| ${cells.join(" | ")} |\n`);
}
