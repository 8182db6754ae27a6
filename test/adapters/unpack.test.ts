// Unpacks PostgreSQL's programs: the same from a package however it was installed, and whole again whatever became of them.
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import { openPostgres } from "../../src/adapters/postgres/open.ts";
import { copyServer, installedServer, unpackServer } from "../../src/adapters/postgres/carried/files/unpack.ts";
import { temporaryDirectory, testLog } from "../support/run.ts";

const TEST_MS = 90_000;
const ICU = "lib/libicuuc.so.60";

/** Every file with its size, every link with where it leads; the list itself tells times. */
function treeOf(directory: string): Record<string, string> {
  const tree: Record<string, string> = {};
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    const stat = lstatSync(join(directory, name));
    if (name === "files.txt") continue;
    if (stat.isSymbolicLink()) tree[name] = readlinkSync(join(directory, name));
    else if (stat.isFile()) tree[name] = String(stat.size);
  }
  return tree;
}

/** A package as `npm install` leaves it, which runs its postinstall script: below a directory that only root may enter. */
function packageWithLinks(): string {
  const closed = temporaryDirectory("closed");
  chmodSync(closed, 0o700);
  const path = join(closed, "package");
  cpSync(dirname(installedServer()), path, { recursive: true });
  const script = readdirSync(join(path, "scripts")).find((name) => name.includes("symlink")) ?? "";
  const { exitCode } = Bun.spawnSync([process.execPath, join("scripts", script)], { cwd: path });
  expect(exitCode).toBe(0);
  expect(lstatSync(join(path, "native", ICU)).isSymbolicLink()).toBe(true);
  return join(path, "native");
}

test(
  "a package whose links were made gives the same as one whose links were not, and none of them leads out of it",
  async () => {
    const bare = join(temporaryDirectory("bare"), "server");
    const linked = join(temporaryDirectory("linked"), "server");
    await copyServer(installedServer(), bare);
    await copyServer(packageWithLinks(), linked);
    expect(treeOf(linked)).toEqual(treeOf(bare));
    expect(treeOf(linked)[ICU]).toBe("libicuuc.so.60.2");
    const links = Object.entries(treeOf(linked)).filter(([name]) => lstatSync(join(linked, name)).isSymbolicLink());
    expect(links.filter(([, target]) => target.includes("/"))).toEqual([]);
  },
  TEST_MS,
);

describe("programs that were unpacked", () => {
  const warnings: string[] = [];
  const log = { warn: (_: string, facts: { fault?: unknown } = {}) => void warnings.push(String(facts.fault)) };
  const DAMAGES: Record<string, (server: string) => void> = {
    "lib/libicuuc.so.60 is missing": (server) => rmSync(join(server, ICU)),
    "lib/libicuuc.so.60 was altered": (server) => {
      rmSync(join(server, ICU));
      symlinkSync("/root/elsewhere/libicuuc.so.60.2", join(server, ICU));
    },
    "bin/postgres was altered": (server) => truncateSync(join(server, "bin/postgres"), 1_000),
    "bin/initdb was altered": (server) => {
      const { size } = lstatSync(join(server, "bin/initdb"));
      writeFileSync(join(server, "bin/initdb"), Buffer.alloc(size));
    },
    "files.txt is missing or cut short": (server) => {
      const list = readFileSync(join(server, "files.txt"));
      writeFileSync(join(server, "files.txt"), list.subarray(0, list.length / 2));
    },
  };

  test(
    "are unpacked again when they are not as they were, and left alone otherwise",
    async () => {
      const root = temporaryDirectory("unpack");
      const server = await unpackServer(root, log);
      const whole = treeOf(server);
      for (const [fault, damage] of Object.entries(DAMAGES)) {
        damage(server);
        expect(await unpackServer(root, log)).toBe(server);
        expect(warnings.splice(0)).toEqual([fault]);
        expect(treeOf(server)).toEqual(whole);
      }
      const { ino } = lstatSync(server);
      // A backup that was restored has other times, and the same bytes.
      utimesSync(join(server, "bin/postgres"), new Date(0), new Date(0));
      await unpackServer(root, log);
      expect(warnings).toEqual([]);
      expect(lstatSync(server).ino).toBe(ino);
    },
    TEST_MS,
  );

  test(
    "by a version that filled the directory wrongly no longer keep PostgreSQL from starting",
    async () => {
      const dataDir = temporaryDirectory("wrong");
      const root = join(dataDir, "postgres");
      mkdirSync(root);
      const server = await unpackServer(root);
      // No list, and links as they were copied: to where the package had been.
      rmSync(join(server, "files.txt"));
      rmSync(join(server, ICU));
      symlinkSync("/nowhere/native/lib/libicuuc.so.60.2", join(server, ICU));
      const opened = await openPostgres({
        dataDir,
        databaseUrl: undefined,
        role: "serve",
        log: { ...testLog, warn: () => {} },
      });
      const database = openDatabase(opened.connection, { maxConnections: 1, log: testLog });
      expect(await database.query("select 1 as one")).toEqual([{ one: 1 }]);
      await database.close();
      await opened.close();
    },
    TEST_MS,
  );
});
