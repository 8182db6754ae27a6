// Moves the carried database to the PostgreSQL that this executable carries: the old server on the old files, the new one beside it.
import { existsSync, lstatSync, readdirSync, statfsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Log } from "../../../log.ts";
import { startFailure } from "./files/account.ts";
import type { Account } from "./files/account.ts";
import { connectionTo } from "./carried.ts";
import { claimFiles, createCluster, majorOf, serverMajor } from "./files/cluster.ts";
import type { PostgresConnection } from "../database.ts";
import { layoutOf, makeDirectory, prepareLayout, removeDirectory } from "./files/layout.ts";
import type { Layout } from "./files/layout.ts";
import { lockDataDir } from "./lock.ts";
import { noInstallation } from "../open.ts";
import { clearRemains } from "./remains.ts";
import { ServerSupervisor } from "./supervisor.ts";
import { unpackServer } from "./files/unpack.ts";
import { finishUpgrade, listOldFiles, swapFiles, upgradeLayout } from "./files/upgrade.ts";

interface UpgradeOptions<Moved> {
  dataDir: string;
  /** Directory with `bin/postgres` of the old version; by default the one that the muster which made the files had unpacked. */
  programs: string | undefined;
  /** Time in the old files' name. */
  stamp: string;
  log: Log;
  /** Copies everything from one server to the other, which is empty. */
  move(from: PostgresConnection, to: PostgresConnection): Promise<Moved>;
}

export interface Upgraded<Moved> {
  from: string;
  to: string;
  /** Path of the old files, which stay until they are removed by command. */
  kept: string;
  moved: Moved;
}

const WAIT_MS = 10_000;
/** Space for the new files and for a dump of them, which is much smaller; as a multiple of the old files. */
const ROOM = 1.3;

/** Undefined when there is nothing to do. Changes nothing until everything has been copied. */
export async function upgradeCarried<Moved>(options: UpgradeOptions<Moved>): Promise<Upgraded<Moved> | undefined> {
  const dataDir = resolve(options.dataDir);
  return alone(dataDir, async () => {
    const { layout, account } = await prepareLayout(dataDir);
    const server = await unpackServer(layout.root, options.log);
    await clearRemains(layout, options.log);
    await finishUpgrade(layout);
    const [from, to] = [majorOf(layout.files), serverMajor(server)];
    if (from === to) return undefined;
    const programs = options.programs === undefined ? findPrograms(layout, from) : resolve(options.programs);
    refuseOtherPrograms(programs, from);
    refuseWithoutRoom(layout);
    const fresh = upgradeLayout(layout);
    try {
      const moved = await moveAll(options, account, { files: layout, server: programs }, { files: fresh, server });
      const kept = await swapFiles(layout, from ?? "", options.stamp);
      return { from: from ?? "", to, kept, moved };
    } catch (error) {
      await finishUpgrade(layout);
      throw error;
    }
  });
}

/** Removes old files and the programs that read them; returns what it removed. Works beside a serving gateway. */
export async function removeOldFiles(dataDir: string): Promise<string[]> {
  if (!existsSync(join(dataDir, "postgres"))) throw noInstallation(dataDir);
  const layout = layoutOf(dataDir);
  if (existsSync(upgradeLayout(layout).root))
    throw startFailure("An upgrade is under way, or waits for the next start.");
  const old = listOldFiles(layout);
  const majors = old.map((path) => /^data-(\d+)/.exec(basename(path))?.[1]);
  const programs = readdirSync(layout.root).filter((name) => majors.includes(serverMajor(name)));
  const paths = [...old, ...programs.map((name) => join(layout.root, name))];
  for (const path of paths) await removeDirectory(path);
  return paths;
}

async function alone<Result>(dataDir: string, work: () => Promise<Result>): Promise<Result> {
  if (!existsSync(join(dataDir, "postgres"))) throw noInstallation(dataDir);
  const lock = await lockDataDir(dataDir, { role: "serve", waitMs: WAIT_MS });
  try {
    return await work();
  } finally {
    lock.release();
  }
}

interface Side {
  files: Layout;
  server: string;
}

async function moveAll<Moved>({ log, move }: UpgradeOptions<Moved>, account: Account, old: Side, fresh: Side) {
  makeDirectory(fresh.files.root, 0o711, lstatSync(old.files.root));
  makeDirectory(fresh.files.run, 0o700, account);
  claimFiles(old.files, account);
  await createCluster(fresh.server, fresh.files, account);
  await using _from = await start(old, account, log);
  await using _to = await start(fresh, account, log);
  return await move(connectionTo(old.files.run), connectionTo(fresh.files.run));
}

async function start({ server, files: layout }: Side, account: Account, log: Log): Promise<AsyncDisposable> {
  const supervisor = await ServerSupervisor.start({ server, layout, account, log });
  return { [Symbol.asyncDispose]: () => supervisor.close() };
}

function findPrograms({ root, files }: Layout, major: string | undefined): string {
  if (major === undefined) throw startFailure(`${files} holds no PostgreSQL database.`);
  const names = readdirSync(root).filter((name) => serverMajor(name) === major);
  const name = names.find((one) => existsSync(join(root, one, "bin/postgres")));
  if (name !== undefined) return join(root, name);
  throw startFailure(
    `The programs of PostgreSQL ${major} are not in ${root} any more. Name them with --programs DIR (such as /usr/lib/postgresql/${major}), or let the muster that had them dump the database, and restore that dump here.`,
  );
}

function refuseOtherPrograms(programs: string, major: string | undefined): void {
  const postgres = join(programs, "bin/postgres");
  const { stdout } = existsSync(postgres) ? Bun.spawnSync([postgres, "--version"], { env: { LC_ALL: "C" } }) : {};
  const said = stdout?.toString().trim() ?? "";
  if (/\(PostgreSQL\) (\d+)/.exec(said)?.[1] === major) return;
  throw startFailure(`${programs} does not hold bin/postgres of PostgreSQL ${major}${said ? `, but ${said}` : ""}.`);
}

function refuseWithoutRoom({ root, files }: Layout): void {
  const needed = sizeOf(files) * ROOM;
  const { bavail, bsize } = statfsSync(root);
  if (bavail * bsize >= needed) return;
  const [needs, has] = [needed, bavail * bsize].map((bytes) => Math.ceil(bytes / 1e6));
  throw startFailure(`The upgrade needs about ${needs} MB beside the old files, and ${root} has room for ${has} MB.`);
}

function sizeOf(path: string): number {
  const stat = lstatSync(path);
  return stat.isDirectory() ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0) : stat.size;
}
