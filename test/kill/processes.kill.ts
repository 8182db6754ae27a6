// Several processes are one gateway: requests are spread, the dead are replaced, restarts refuse nobody, and the end is the end.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findRunningPostgres } from "../../src/adapters/postgres/carried/carried.ts";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import { basic } from "../support/app.ts";
import { beatWithoutPause } from "../support/beats.ts";
import { noAcknowledgements, runLoad } from "../support/load.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { temporaryDirectory, testLog } from "../support/run.ts";
import { ROOT, runJson, runMuster, startGateway } from "../support/program.ts";
import type { Gateway, ProgramOptions } from "../support/program.ts";
import { seeded } from "../support/random.ts";
import { openConnection } from "../support/socket.ts";
import { findFaults, untilDrained } from "../support/verify.ts";

interface ProcessFacts {
  name: string;
  roles: string[];
  pid: number | null;
  ready: boolean;
  restarts: number;
}

const EXECUTABLE = join(ROOT, "dist/muster");

const processesOf = async ({ operationsUrl }: Gateway) => {
  const answer = (await (await fetch(`${operationsUrl}/stats`)).json()) as { data: { processes: ProcessFacts[] } };
  return answer.data.processes;
};
const pidsOf = async (gateway: Gateway) => (await processesOf(gateway)).map(({ pid }) => pid ?? 0);
const readinessOf = async ({ operationsUrl }: Gateway) =>
  ((await (await fetch(`${operationsUrl}/ready`)).json()) as { data: { status: string } }).data.status;
const metricsOf = async ({ operationsUrl }: Gateway) => (await fetch(`${operationsUrl}/metrics`)).text();

async function until(what: string, holds: () => Promise<boolean> | boolean, limitMs = 60_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`${what} did not happen within ${limitMs} ms`);
    await Bun.sleep(25);
  }
}

/** One that was killed but not waited for runs no more. */
const isRunning = (pid: number) =>
  existsSync(`/proc/${pid}/stat`) && !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));

/** An appliance that may talk to the gateway. */
async function addSystem(gateway: Gateway, options: ProgramOptions) {
  const system = await runJson<{ system_key: string; system_secret: string }>(
    ["systems", "add", "--name", "Branch 12"],
    options,
  );
  const { system_secret } = system;
  await fetch(`${gateway.url}/api/systems/register`, {
    method: "POST",
    keepalive: false,
    body: JSON.stringify({ system_secret }),
  });
  return { ...system, authorization: basic(system.system_key, system_secret) };
}

const beat = (url: string, authorization: string) =>
  fetch(`${url}/api/systems/heartbeat`, { method: "POST", headers: { authorization }, keepalive: false });

describe("from the sources", () => tryProcesses([]));
if (existsSync(EXECUTABLE)) describe("the executable", () => tryProcesses([EXECUTABLE]));

function tryProcesses(command: string[]): void {
  let directory: string;
  let options: ProgramOptions;
  let gateway: Gateway;
  let system: Awaited<ReturnType<typeof addSystem>>;

  beforeAll(async () => {
    directory = temporaryDirectory("processes");
    const rules = join(directory, "rules.json");
    writeFileSync(rules, "{}");
    const env = {
      DATA_DIR: join(directory, "data"),
      PROCESSES: "2",
      INVENTORY_RULES_FILE: rules,
      INVENTORY_RATE_PER_MINUTE: "100000",
      BUN_OPTIONS: "",
    };
    options = { env, ...(command.length > 0 && { command }) };
    gateway = await startGateway(options);
    system = await addSystem(gateway, options);
  }, 60_000);
  afterAll(async () => {
    await gateway.stop();
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  test("two HTTP processes and a worker serve, and say so as one", async () => {
    expect(await processesOf(gateway)).toMatchObject([
      { name: "http-1", roles: ["http"], ready: true },
      { name: "http-2", roles: ["http"], ready: true },
      { name: "worker", roles: ["worker", "scheduler"], ready: true },
    ]);
    expect(await readinessOf(gateway)).toBe("ready");
    for (const pid of await pidsOf(gateway))
      expect(
        readFileSync(`/proc/${pid}/environ`, "latin1")
          .split("\0")
          .filter((one) => /^BUN_/.test(one)),
      ).toEqual([]);
  }, 60_000);

  test("requests are spread over both, and metrics say whose they are", async () => {
    for (let count = 0; count < 60; count += 1)
      expect((await beat(gateway.url, system.authorization)).status).toBe(200);
    const metrics = await metricsOf(gateway);
    const counts = ["http-1", "http-2"].map((name) => {
      const sample = `muster_http_requests_total{process="${name}",route="/api/systems/heartbeat",method="POST",status="200"}`;
      return Number(metrics.split(`${sample} `)[1]?.split("\n")[0]);
    });
    expect(Math.min(...counts)).toBeGreaterThan(5);
    expect(counts.reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(60);
    // One family each, and what all would say alike only once.
    expect(metrics.split("# TYPE process_resident_memory_bytes ").length).toBe(2);
    expect(metrics.match(/^muster_database_up\b.*$/gm)).toEqual(["muster_database_up 1"]);
  }, 60_000);

  test("a killed HTTP process is replaced while the other one answers", async () => {
    const [first] = await processesOf(gateway);
    process.kill(first?.pid ?? 0, "SIGKILL");
    await until("the loss was noticed", async () => (await readinessOf(gateway)) === "degraded");
    for (let count = 0; count < 20; count += 1)
      expect((await beat(gateway.url, system.authorization)).status).toBe(200);
    await until("the process is back", async () => (await readinessOf(gateway)) === "ready");
    expect((await processesOf(gateway))[0]).toMatchObject({ name: "http-1", ready: true, restarts: 1 });
    expect(gateway.log()).toContain("A process died and is started again. name=http-1");
    expect(await metricsOf(gateway)).toContain('muster_process_restarts_total{process="http-1"} 1\n');
  }, 30_000);

  test("SIGHUP replaces every process under load, and no request is refused or cut", async () => {
    const before = await pidsOf(gateway);
    const stop = new AbortController();
    const { authorization } = system;
    const load = beatWithoutPause({ url: gateway.url, authorization, keptAlive: 4, fresh: 4, signal: stop.signal });
    // A request that is under way all the while.
    const slow = await openConnection(gateway.url);
    const body = JSON.stringify({ installation: "slow", facts: { padding: "x".repeat(200) } });
    slow.write(
      `POST /api/systems/inventory HTTP/1.1\r\nHost: muster\r\nAuthorization: ${authorization}\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 20)}`,
    );
    process.kill(gateway.pid, "SIGHUP");
    await until("new processes", async () => (await pidsOf(gateway)).every((pid) => pid > 0 && !before.includes(pid)));
    await Bun.sleep(4_000);
    // Old ones that still have somebody to answer stay.
    expect(before.some(isRunning)).toBe(true);
    slow.write(body.slice(20));
    const answer = await slow.answer();
    slow[Symbol.dispose]();
    await until("the old processes are gone", () => !before.some(isRunning));
    await Bun.sleep(200);
    stop.abort();
    const { answered, faults, moved } = await load;
    expect(answer.status).toBe(200);
    expect(faults).toEqual([]);
    expect(moved).toBeGreaterThan(0);
    expect(answered).toBeGreaterThan(500);
    expect(gateway.log()).toContain("The rolling restart is done.");
    expect(gateway.log()).not.toContain("could not be steered");
    expect(await readinessOf(gateway)).toBe("ready");
  }, 60_000);

  test("a rolling restart that cannot start its processes leaves the old ones serving", async () => {
    const before = await pidsOf(gateway);
    const rules = join(directory, "rules.json");
    writeFileSync(rules, "not JSON");
    try {
      process.kill(gateway.pid, "SIGHUP");
      await until("it was given up", () => gateway.log().includes("The rolling restart was given up"));
    } finally {
      writeFileSync(rules, "{}");
    }
    expect(await pidsOf(gateway)).toEqual(before);
    expect((await beat(gateway.url, system.authorization)).status).toBe(200);
  }, 30_000);

  test("what a killed worker left is done by the next one, once", async () => {
    const acknowledged = noAcknowledgements();
    const stop = new AbortController();
    const surprises: string[] = [];
    const load = runLoad(
      {
        url: () => gateway.url,
        systems: [system],
        random: seeded(3),
        signal: stop.signal,
        onSurprise: (sentence) => surprises.push(sentence),
      },
      acknowledged,
    );
    for (let kills = 0; kills < 2; kills += 1) {
      await Bun.sleep(500);
      const [worker] = (await processesOf(gateway)).slice(-1);
      process.kill(worker?.pid ?? 0, "SIGKILL");
      await until("another worker", async () => (await processesOf(gateway)).at(-1)?.restarts === kills + 1);
    }
    stop.abort();
    await load;
    expect(surprises).toEqual([]);
    const connection = findRunningPostgres(join(directory, "data"));
    if (!connection) throw new Error("the carried PostgreSQL does not run");
    const database = openDatabase(connection, { maxConnections: 2, log: testLog, queryTimeoutMs: 30_000 });
    try {
      await untilDrained(database);
      expect(await findFaults(database, acknowledged)).toEqual([]);
    } finally {
      await database.close();
    }
    expect([...acknowledged.inventories.values()].flat().length).toBeGreaterThan(5);
  }, 90_000);

  test("SIGTERM lets a request in flight finish, ends with 0 and leaves nothing", async () => {
    const pids = await pidsOf(gateway);
    const slow = await openConnection(gateway.url);
    const body = JSON.stringify({ installation: "slow", facts: {} });
    slow.write(
      `POST /api/systems/inventory HTTP/1.1\r\nHost: muster\r\nAuthorization: ${system.authorization}\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
    );
    await Bun.sleep(100);
    const stopped = gateway.stop();
    await Bun.sleep(300);
    slow.write(body.slice(5));
    expect((await slow.answer()).status).toBe(200);
    expect(await stopped).toBe(0);
    expect(pids.filter(isRunning)).toEqual([]);
    const { stdout } = Bun.spawnSync(["ps", "-eo", "args"]);
    expect(stdout.toString()).not.toContain(directory);
  }, 60_000);

  test("when the supervisor is killed its processes end by themselves, and the next start cleans up", async () => {
    const killed = await startGateway(options);
    const pids = await pidsOf(killed);
    process.kill(killed.pid, "SIGKILL");
    await until("its processes ended", () => !pids.some(isRunning));
    gateway = await startGateway(options);
    expect((await beat(gateway.url, system.authorization)).status).toBe(200);
  }, 60_000);
}

describe("an upgrade", () => {
  const upgrade = existsSync(EXECUTABLE) ? test : test.skip;
  upgrade(
    "is taken up by SIGHUP when the new file works, and not when it does not",
    async () => {
      const directory = temporaryDirectory("upgrade");
      const installed = join(directory, "muster");
      const replaceBy = (write: (path: string) => void) => {
        write(`${installed}.new`);
        chmodSync(`${installed}.new`, 0o755);
        renameSync(`${installed}.new`, installed);
      };
      replaceBy((path) => copyFileSync(EXECUTABLE, path));
      const options = { command: [installed], env: { DATA_DIR: join(directory, "data"), PROCESSES: "2" } };
      const gateway = await startGateway(options);
      try {
        const inodeOf = (pid: number) => Bun.spawnSync(["stat", "-Lc", "%i", `/proc/${pid}/exe`]).stdout.toString();
        const [before = 0] = await pidsOf(gateway);
        const first = inodeOf(before);

        replaceBy((path) => copyFileSync(EXECUTABLE, path));
        process.kill(gateway.pid, "SIGHUP");
        await until("the upgrade", () => gateway.log().split("The rolling restart is done.").length === 2);
        const [upgraded = 0] = await pidsOf(gateway);
        const second = inodeOf(upgraded);
        expect(second).not.toBe(first);

        replaceBy((path) => writeFileSync(path, "#!/bin/sh\nexit 1\n"));
        process.kill(upgraded, "SIGKILL");
        await until("it is back", async () => (await processesOf(gateway))[0]?.restarts === 1);
        expect(inodeOf((await pidsOf(gateway))[0] ?? 0)).toBe(second);
        process.kill(gateway.pid, "SIGHUP");
        await until("the restart", () => gateway.log().split("The rolling restart is done.").length === 3);
        expect(gateway.log()).toContain("Rolling restart with the version that runs.");
        expect(inodeOf((await pidsOf(gateway))[0] ?? 0)).toBe(second);
        expect((await fetch(`${gateway.url}/api/health`)).status).toBe(200);
      } finally {
        await gateway.stop();
        rmSync(directory, { recursive: true, force: true });
      }
    },
    90_000,
  );
});

test("roles split over two installations on one database do the work of one", async () => {
  const directory = temporaryDirectory("roles");
  await using fixture = await createTestDatabase();
  const env = { DATABASE_URL: fixture.url, DATA_DIR: directory };
  const front = await startGateway({ env: { ...env, ROLES: "http" } });
  try {
    const system = await addSystem(front, { env });
    expect((await beat(front.url, system.authorization)).status).toBe(200);
    const status = async () =>
      (await runJson<{ systems: { status: string }[] }>(["systems", "list"], { env })).systems[0]?.status;
    // Nobody is there who would do it.
    await Bun.sleep(1_000);
    expect(await status()).toBe("unknown");
    const back = await startGateway({ env: { ...env, ROLES: "scheduler, worker" } });
    try {
      await until("the beat is stored", async () => (await status()) === "active");
      expect(back.log()).toContain("Appliances and operators: elsewhere.");
      expect(await readinessOf(back)).toBe("ready");
    } finally {
      expect(await back.stop()).toBe(0);
    }
  } finally {
    expect(await front.stop()).toBe(0);
    rmSync(directory, { recursive: true, force: true });
  }
}, 60_000);

describe("faults", () => {
  test.each([
    [{ PROCESSES: "0" }, 'PROCESSES must be auto or a whole number from 1 to 64, got "0".'],
    [{ ROLES: "http,cook" }, 'ROLES must be a list of http, worker, scheduler, got "http,cook".'],
    [{ ROLES: "http" }, "ROLES leaves out worker and scheduler, and no other muster can reach the carried PostgreSQL"],
    [
      { ROLES: "worker,scheduler", PROCESSES: "2", DATABASE_URL: "postgres://x/y" },
      "PROCESSES counts HTTP processes, and ROLES leaves out http",
    ],
  ])(
    "%p stops the start in words",
    async (env, words) => {
      const { code, stderr } = await runMuster(["serve"], { env: { DATA_DIR: "/nonexistent", ...env } });
      expect(stderr).toContain(words);
      expect(code).toBe(1);
    },
    60_000,
  );

  test("a port that is taken ends the supervisor in words", async () => {
    const directory = temporaryDirectory("taken");
    using other = Bun.serve({ port: 0, hostname: "127.0.0.1", reusePort: true, fetch: () => new Response() });
    const env = {
      DATA_DIR: join(directory, "data"),
      PROCESSES: "2",
      LISTEN_ADDRESS: `127.0.0.1:${other.port}`,
      HEALTH_LISTEN_ADDRESS: "127.0.0.1:0",
    };
    const { code, stderr } = await runMuster(["serve"], { env });
    rmSync(directory, { recursive: true, force: true });
    expect(stderr).toContain(
      `LISTEN_ADDRESS: another program listens on 127.0.0.1:${other.port}. Stop it, or set another address.`,
    );
    expect(code).toBe(1);
  }, 60_000);

  test("a process without a supervisor says who starts it", async () => {
    const { code, stderr } = await runMuster(["process"]);
    expect(stderr).toContain("Started by muster serve");
    expect(code).toBe(2);
  }, 60_000);
});
