// Signals as terminals, npm and service managers send them: what is under way is finished, and PostgreSQL never stays behind.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { layoutOf } from "../../src/adapters/postgres/carried/files/layout.ts";
import { readPostmaster, serverProcesses } from "../../src/adapters/postgres/carried/remains.ts";
import { temporaryDirectory } from "../support/run.ts";
import { ROOT, SOURCES, runJson, startGateway } from "../support/program.ts";
import type { Gateway } from "../support/program.ts";

const TEST_MS = 90_000;
const PORTS = { LISTEN_ADDRESS: "127.0.0.1:0", HEALTH_LISTEN_ADDRESS: "127.0.0.1:0" };
let dataDir: string;
let env: Record<string, string>;

/** The database is made once; each test starts on it anew. */
beforeAll(async () => {
  dataDir = temporaryDirectory("signals");
  env = { DATA_DIR: dataDir };
  await runJson(["migrate"], { env });
}, TEST_MS);
afterAll(() => rmSync(dataDir, { recursive: true, force: true }), 60_000);

const servers = () => serverProcesses(layoutOf(dataDir).files);
const isAlive = (pid: number) => !/^(\d+ \(.*\) [ZX]|$)/s.test(statOf(pid));

function statOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return "";
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(20);
}

/** A request whose body is half sent: `finish` sends the rest, and gives the answer's first line. */
async function openRequest({ url }: Gateway) {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  let answer = "";
  socket.on("data", (chunk) => (answer += chunk));
  socket.on("error", () => {});
  const ended = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  const body = JSON.stringify({ system_secret: "x".repeat(40) });
  const head = `POST /api/systems/register HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: ${body.length}\r\n\r\n`;
  socket.write(head);
  // The gateway has it now.
  await until(() => answer.includes("100 Continue"));
  answer = "";
  socket.write(body.slice(0, 20));
  return {
    ended,
    async finish() {
      socket.write(body.slice(20));
      await ended;
      return answer.split("\r\n")[0];
    },
  };
}

test(
  "Ctrl-C on npm start, which passes it twice, drains, and leaves no process",
  async () => {
    let seen = "";
    const npm = Bun.spawn(["npm", "start"], {
      cwd: ROOT,
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env, ...PORTS },
      terminal: { data: (_, chunk) => void (seen += Buffer.from(chunk).toString()) },
    });
    await until(() => / Ready\. /.test(seen));
    const [server] = servers();
    expect(server).toBeDefined();
    npm.terminal?.write("\x03");
    await npm.exited;
    await until(() => / Stopped\./.test(seen));
    expect(servers()).toEqual([]);
    expect(isAlive(server?.pid ?? 0)).toBe(false);
  },
  TEST_MS,
);

test(
  "a terminal that is closed ends the gateway in order",
  async () => {
    let seen = "";
    const gateway = Bun.spawn([...SOURCES, "serve"], {
      cwd: ROOT,
      env: { PATH: process.env["PATH"], ...env, ...PORTS },
      terminal: { data: (_, chunk) => void (seen += Buffer.from(chunk).toString()) },
    });
    await until(() => / Ready\. /.test(seen));
    gateway.terminal?.close();
    expect(await gateway.exited).toBe(0);
    expect(servers()).toEqual([]);
  },
  TEST_MS,
);

test(
  "two SIGTERMs let a request under way have its answer",
  async () => {
    await using gateway = await startGateway({ env });
    const request = await openRequest(gateway);
    process.kill(gateway.pid, "SIGTERM");
    await Bun.sleep(5);
    process.kill(gateway.pid, "SIGTERM");
    await Bun.sleep(300);
    expect(await request.finish()).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(await gateway.exited).toBe(0);
    expect(servers()).toEqual([]);
  },
  TEST_MS,
);

for (const processes of ["1", "2"]) {
  test(
    `a third signal ends it at once, and PostgreSQL with it: PROCESSES=${processes}`,
    async () => {
      await using gateway = await startGateway({ env: { ...env, PROCESSES: processes } });
      const { pids } = await processesOf(gateway);
      const request = await openRequest(gateway);
      for (const signal of ["SIGINT", "SIGINT", "SIGTERM"] as const) {
        process.kill(gateway.pid, signal);
        await Bun.sleep(50);
      }
      // SIGTERM is the one that ended it.
      expect(await gateway.exited).toBe(128 + 15);
      expect(servers()).toEqual([]);
      await request.ended;
      expect(pids.filter(isAlive)).toEqual([]);
    },
    TEST_MS,
  );
}

test(
  "SIGHUP reads files again and changes nothing else",
  async () => {
    await using gateway = await startGateway({ env });
    const before = servers();
    process.kill(gateway.pid, "SIGHUP");
    await until(() => /Reading certificate and inventory rules again/.test(gateway.log()));
    expect((await fetch(`${gateway.operationsUrl}/ready`)).status).toBe(200);
    expect(servers().filter((one) => one.isMain)).toEqual(before.filter((one) => one.isMain));
  },
  TEST_MS,
);

test(
  "a command that is ended while it runs PostgreSQL takes it along",
  async () => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      const command = Bun.spawn([...SOURCES, "systems", "list"], {
        cwd: ROOT,
        env: { PATH: process.env["PATH"], ...env },
        stdio: ["ignore", "ignore", "ignore"],
      });
      await until(() => servers().length > 0 || command.exitCode !== null);
      command.kill(signal);
      expect(await command.exited).toBeGreaterThan(128);
      expect(servers()).toEqual([]);
    }
  },
  TEST_MS,
);

test(
  "PostgreSQL ends with a gateway that is killed",
  async () => {
    await using gateway = await startGateway({ env });
    process.kill(gateway.pid, "SIGKILL");
    await until(() => servers().length === 0);
  },
  TEST_MS,
);

test(
  "PGHOST, PGPORT and their like say nothing about the carried PostgreSQL",
  async () => {
    const foreign = {
      PGHOST: "db.example",
      PGPORT: "1",
      PGUSER: "somebody",
      PGDATABASE: "elsewhere",
      PGPASSWORD: "secret",
      PGSSLMODE: "require",
      PGSSLNEGOTIATION: "direct",
      PGREPLICATION: "database",
      PGCLIENT_ENCODING: "LATIN1",
      PGOPTIONS: "-c TimeZone=Asia/Tokyo",
      PGDATA: "/nowhere",
    };
    await using gateway = await startGateway({ env: { ...env, ...foreign, PROCESSES: "2" } });
    expect((await fetch(`${gateway.operationsUrl}/ready`)).status).toBe(200);
    expect(readPostmaster(layoutOf(dataDir).files)?.ready).toBe(true);
    await runJson(["systems", "add", "--name", "Zürich"], { env: { ...env, ...foreign } });
    const { systems } = await runJson<{ systems: { name: string }[] }>(["systems", "list"], { env });
    expect(systems.map(({ name }) => name)).toContain("Zürich");
    await runJson(["dump", join(dataDir, "dump.tar.zst")], { env: { ...env, ...foreign } });
  },
  TEST_MS,
);

async function processesOf({ pid, operationsUrl }: Gateway): Promise<{ pids: number[] }> {
  const { data } = (await (await fetch(`${operationsUrl}/stats`)).json()) as {
    data: { processes?: { pid: number }[] };
  };
  return { pids: [pid, ...(data.processes ?? []).map((one) => one.pid)] };
}
