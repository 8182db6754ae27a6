// Moves a carried database from PostgreSQL 17 to the carried one: all of it, or nothing, whatever cuts it off.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDirectory } from "../../src/adapters/directory/objects.ts";
import { connectionTo } from "../../src/adapters/postgres/carried/carried.ts";
import { createCluster } from "../../src/adapters/postgres/carried/files/cluster.ts";
import { layoutOf, prepareLayout } from "../../src/adapters/postgres/carried/files/layout.ts";
import { serverProcesses } from "../../src/adapters/postgres/carried/remains.ts";
import { ServerSupervisor } from "../../src/adapters/postgres/carried/supervisor.ts";
import { copyServer } from "../../src/adapters/postgres/carried/files/unpack.ts";
import { upgradeLayout } from "../../src/adapters/postgres/carried/files/upgrade.ts";
import { writeDumpFile } from "../../src/dump/file.ts";
import { restoreDump, verifyDump } from "../../src/dump/restore.ts";
import { openDump } from "../../src/dump/write.ts";
import { openTestApp } from "../support/app.ts";
import { olderPostgres } from "../support/older-postgres.ts";
import { SOURCES, runJson, runMuster, startGateway, ROOT } from "../support/program.ts";
import { temporaryDirectory, testLog } from "../support/run.ts";

const TEST_MS = 240_000;
const OLD = "17.10.0-beta.17";
const PORTS = { LISTEN_ADDRESS: "127.0.0.1:0", HEALTH_LISTEN_ADDRESS: "127.0.0.1:0" };
const native = olderPostgres();

/** A directory as the muster that carried 17 left it, with a fleet in it; each test has a copy. */
let template: string;
let system: { system_key: string; authorization: string };

async function makeOldInstallation(): Promise<void> {
  template = temporaryDirectory("seventeen");
  const dump = join(temporaryDirectory("fleet"), "fleet.tar.zst");
  await using app = await openTestApp();
  system = await app.addSystem("Zürich", { organization: "acme" });
  await app.request("POST", "/api/systems/heartbeat", { authorization: system.authorization });
  const inventory = join(import.meta.dir, "../support/fixtures/inventories/ns8-inventory.json");
  const body = readFileSync(inventory, "utf8");
  await app.request("POST", "/api/systems/inventory", { authorization: system.authorization, body });
  await app.app.runner.drain();
  await writeDumpFile(
    dump,
    openDump({ connection: { connectionString: app.databaseUrl }, version: "0", at: new Date() }).bytes,
  );

  const { layout, account } = await prepareLayout(template);
  const server = join(layout.root, OLD);
  await copyServer(native ?? "", server);
  await createCluster(server, layout, account);
  const supervisor = await ServerSupervisor.start({ server, layout, account, log: testLog });
  const objects = openDirectory(join(template, "objects"));
  const bytes = () => Bun.file(dump).stream();
  const connection = connectionTo(layout.run);
  await restoreDump({ connection, objects, now: new Date() }, bytes, await verifyDump(bytes));
  await objects.close();
  await supervisor.close();
}

/** With the owners that PostgreSQL insists on. */
function oldInstallation(): { dataDir: string; env: Record<string, string> } {
  const dataDir = temporaryDirectory("upgrade");
  Bun.spawnSync(["cp", "-a", `${template}/.`, dataDir]);
  return { dataDir, env: { DATA_DIR: dataDir, ...PORTS } };
}

const majorOf = (dataDir: string) => readFileSync(join(dataDir, "postgres/data/PG_VERSION"), "utf8").trim();
const keptOf = (dataDir: string) => readdirSync(join(dataDir, "postgres")).filter((name) => /^data-/.test(name));
const programsOf = (dataDir: string) => readdirSync(join(dataDir, "postgres")).filter((name) => /^\d+\./.test(name));
const names = async (env: Record<string, string>) =>
  (await runJson<{ systems: { name: string }[] }>(["systems", "list"], { env })).systems.map(({ name }) => name);

describe.skipIf(native === undefined)("from PostgreSQL 17", () => {
  beforeAll(makeOldInstallation, TEST_MS);
  afterAll(() => rmSync(template, { recursive: true, force: true }), 60_000);

  test(
    "serve refuses the files and names the verb, which moves all, keeps the old ones, and removes them when told",
    async () => {
      const { dataDir, env } = oldInstallation();
      const refused = await runMuster(["serve"], { env });
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain("was made by PostgreSQL 17, and this executable carries PostgreSQL 18");
      expect(refused.stderr).toContain('"muster upgrade-postgres" moves it');
      // The start did not remove what alone can read the files.
      expect(programsOf(dataDir)).toContain(OLD);

      const upgraded = await runMuster(["upgrade-postgres"], { env });
      expect({ ...upgraded, stdout: "" }).toMatchObject({ code: 0, stdout: "" });
      expect(upgraded.stdout).toMatch(/^PostgreSQL 17 → 18: \d+ rows of \d+ tables\./);
      expect(majorOf(dataDir)).toBe("18");
      expect(keptOf(dataDir)).toHaveLength(1);
      expect(await names(env)).toEqual(["Zürich"]);
      {
        await using gateway = await startGateway({ env });
        const { authorization } = system;
        const beat = await fetch(`${gateway.url}/api/systems/heartbeat`, {
          method: "POST",
          headers: { authorization },
        });
        expect(beat.status).toBe(200);
        // Beside it, and it goes on.
        const { removed } = await runJson<{ removed: string[] }>(["upgrade-postgres", "--remove-old"], { env });
        expect(removed).toHaveLength(3);
        expect(removed.filter((path) => existsSync(path))).toEqual([]);
        expect(programsOf(dataDir)).toHaveLength(1);
        expect(await names(env)).toEqual(["Zürich"]);
      }
      expect((await runMuster(["upgrade-postgres"], { env })).stdout).toStartWith("Nothing to do");
    },
    TEST_MS,
  );

  test(
    "an upgrade that is ended half-way changes nothing, and the next one does it",
    async () => {
      const { dataDir, env } = oldInstallation();
      const command = Bun.spawn([...SOURCES, "upgrade-postgres"], {
        cwd: ROOT,
        env: { PATH: process.env["PATH"], ...env },
        stdio: ["ignore", "ignore", "pipe"],
      });
      const { files } = upgradeLayout(layoutOf(dataDir));
      while (serverProcesses(files).length === 0 && command.exitCode === null) await Bun.sleep(5);
      command.kill("SIGTERM");
      expect(await command.exited).toBe(1);
      expect(await command.stderr.text()).toContain("The database is as it was.");
      expect(majorOf(dataDir)).toBe("17");
      expect(keptOf(dataDir)).toEqual([]);
      expect(existsSync(join(dataDir, "postgres/.upgrade"))).toBe(false);
      for (const path of [files, layoutOf(dataDir).files]) expect(serverProcesses(path)).toEqual([]);
      expect((await runMuster(["upgrade-postgres"], { env })).code).toBe(0);
      expect(await names(env)).toEqual(["Zürich"]);
    },
    TEST_MS,
  );

  test(
    "a crash between its last two steps is made up for by the next start",
    async () => {
      const { dataDir, env } = oldInstallation();
      expect((await runMuster(["upgrade-postgres"], { env })).code).toBe(0);
      const { files } = layoutOf(dataDir);
      const fresh = upgradeLayout(layoutOf(dataDir));
      mkdirSync(fresh.root);
      renameSync(files, fresh.files);
      writeFileSync(join(fresh.root, "complete"), "");
      expect(await names(env)).toEqual(["Zürich"]);
      expect(majorOf(dataDir)).toBe("18");
      expect(existsSync(fresh.root)).toBe(false);
    },
    TEST_MS,
  );

  test(
    "programs that are gone are asked for, and taken from where they are named",
    async () => {
      const { dataDir, env } = oldInstallation();
      const elsewhere = join(temporaryDirectory("programs"), "17");
      cpSync(join(dataDir, "postgres", OLD), elsewhere, { recursive: true, verbatimSymlinks: true });
      rmSync(join(dataDir, "postgres", OLD), { recursive: true });
      const { code, stderr } = await runMuster(["upgrade-postgres"], { env });
      expect(code).toBe(1);
      expect(stderr).toContain("The programs of PostgreSQL 17 are not in");
      expect((await runMuster(["upgrade-postgres", "--programs", "/nowhere"], { env })).stderr).toContain(
        "/nowhere does not hold bin/postgres of PostgreSQL 17.",
      );
      expect((await runMuster(["upgrade-postgres", "--programs", elsewhere], { env })).code).toBe(0);
      expect(await names(env)).toEqual(["Zürich"]);
    },
    TEST_MS,
  );
});

test(
  "what is not there, or is a PostgreSQL of one's own, is not upgraded",
  async () => {
    const DATA_DIR = join(temporaryDirectory("nothing"), "data");
    expect((await runMuster(["upgrade-postgres"], { env: { DATA_DIR } })).stderr).toContain(
      "There is no installation in",
    );
    expect(existsSync(DATA_DIR)).toBe(false);
    const env = { DATA_DIR, DATABASE_URL: "postgres://x@127.0.0.1:1/x" };
    expect((await runMuster(["upgrade-postgres"], { env })).stderr).toContain("names a PostgreSQL of your own");
  },
  TEST_MS,
);
