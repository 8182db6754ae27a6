// The command line on a data directory: without a server, two at once, beside a running one, and a second server.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { diskDirectory } from "../support/run.ts";
import { runJson, runMuster, startGateway } from "../support/program.ts";
import type { Gateway } from "../support/program.ts";

interface Finding {
  check: string;
  status: string;
  finding: string;
  advice?: string;
}

const PORTS = { LISTEN_ADDRESS: "127.0.0.1:0", HEALTH_LISTEN_ADDRESS: "127.0.0.1:0" };
let directory: string;
let env: { DATA_DIR: string };

beforeAll(() => {
  directory = diskDirectory("beside");
  env = { DATA_DIR: join(directory, "data") };
}, 240_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }), 60_000);

const names = async () =>
  (await runJson<{ systems: { name: string }[] }>(["systems", "list"], { env })).systems.map((system) => system.name);

describe("without a server", () => {
  test("migrate makes the database, and commands keep what they are told", async () => {
    await runJson(["migrate"], { env });
    await runJson(["systems", "add", "--name", "first"], { env });
    expect(await names()).toEqual(["first"]);
  }, 240_000);

  test("two commands at once wait for one another", async () => {
    const added = await Promise.all(
      ["second", "third"].map((name) => runJson(["systems", "add", "--name", name], { env })),
    );
    expect(new Set(added.map((one) => one["system_key"])).size).toBe(2);
    expect(await names()).toEqual(["first", "second", "third"]);
  }, 240_000);

  test("doctor starts what it looks at, finds it well, and leaves nothing running", async () => {
    const { code, stdout } = await runMuster(["doctor"], { env });
    expect(stdout).not.toMatch(/^FAILED/m);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok +database +PostgreSQL 18 carried along/m);
    expect(serversOf(env.DATA_DIR)).toEqual([]);
  }, 240_000);
});

describe("beside a running server", () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway({ env });
  }, 240_000);
  afterAll(() => gateway[Symbol.asyncDispose](), 60_000);

  test("commands work on the server's own database, several at once", async () => {
    await Promise.all(["fourth", "fifth"].map((name) => runJson(["systems", "add", "--name", name], { env })));
    expect(await names()).toEqual(["fifth", "first", "fourth", "second", "third"]);
  }, 240_000);

  test("doctor says whose database it looked at", async () => {
    const { findings } = await runJson<{ findings: Finding[] }>(["doctor"], { env });
    expect(findings.map((one) => one.check)).toEqual(
      expect.arrayContaining(["database", "clock", "queues", "disk", "permissions", "fsync", "time sync"]),
    );
    expect(findings[0]?.finding).toContain(`the muster that serves from ${env.DATA_DIR}`);
    expect(findings.filter((one) => one.status === "failed" && one.check !== "fsync")).toEqual([]);
  }, 240_000);

  test("a second server on the same directory refuses to start, in words, and harms nothing", async () => {
    const { code, stderr } = await runMuster(["serve"], { env: { ...env, ...PORTS } });
    expect(code).toBe(1);
    expect(stderr).toContain(`Another muster (pid ${gateway.pid}) already serves from ${env.DATA_DIR}.`);
    expect((await fetch(`${gateway.operationsUrl}/ready`)).status).toBe(200);
  }, 240_000);

  test("a second server on the same port refuses to start and names the setting and the port", async () => {
    const taken = {
      LISTEN_ADDRESS: new URL(gateway.url).host,
      HEALTH_LISTEN_ADDRESS: new URL(gateway.operationsUrl).host,
    };
    for (const [setting, address] of Object.entries(taken)) {
      const other = { DATA_DIR: join(directory, "other"), ...PORTS, [setting]: address };
      const { code, stderr } = await runMuster(["serve"], { env: other });
      expect(code).toBe(1);
      expect(stderr).toContain(`${setting}: another program listens on ${address}. Stop it, or set another address.`);
      expect(serversOf(other.DATA_DIR)).toEqual([]);
    }
  }, 240_000);

  test("SIGTERM ends it with 0 and stops its PostgreSQL; commands still work then", async () => {
    expect(await gateway.stop()).toBe(0);
    expect(gateway.log()).toContain("Stopped.");
    expect(serversOf(env.DATA_DIR)).toEqual([]);
    expect(await names()).toHaveLength(5);
  }, 240_000);
});

describe("doctor", () => {
  test("says what to do about a database that does not answer, and looks at the rest all the same", async () => {
    const given = { env: { DATABASE_URL: "postgres://127.0.0.1:1/none", DATA_DIR: join(directory, "never-made") } };
    const { code, stdout } = await runMuster(["doctor"], given);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAILED +database .*ECONNREFUSED/m);
    expect(stdout).toContain("→ Check DATABASE_URL");
    expect(stdout).toMatch(/^ok +disk .*not needed/m);
    const json = await runMuster(["doctor", "--json"], given);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ findings: [{ check: "database", status: "failed" }, {}, {}] });
  }, 240_000);

  test("finds a data directory that others can write to", async () => {
    const open = join(directory, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    const { stdout } = await runMuster(["doctor"], { env: { DATA_DIR: open } });
    expect(stdout).toMatch(/^FAILED +permissions .*\(mode 777\) can be written by others\.\n +→ chmod go-w /m);
  }, 240_000);
});

/** PostgreSQL processes that work in a data directory. */
function serversOf(dataDir: string): string[] {
  const { stdout } = Bun.spawnSync(["ps", "-eo", "args"]);
  return stdout
    .toString()
    .split("\n")
    .filter((line) => line.includes(`${dataDir}/postgres`));
}
