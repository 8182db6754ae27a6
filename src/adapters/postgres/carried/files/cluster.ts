// Makes the database files once: beside their place, then renamed, so that a killed start leaves nothing half made.
import { existsSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, readdir, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { reasonOf } from "../../../../errors.ts";
import { admitOnly, SUPERUSER } from "./access.ts";
import { startFailure } from "./account.ts";
import type { Account } from "./account.ts";
import type { Layout } from "./layout.ts";
import { giveTo, makeDirectory, removeDirectory } from "./layout.ts";
import { syncDirectory } from "./libc.ts";

const SCRATCH = ".initdb-";
export const DATABASE = "muster";

/** Byte order and Unicode case rules that are the same on every machine, whatever locales it has. */
const INITDB_ARGUMENTS = [
  "--encoding=UTF8",
  "--locale=C",
  "--locale-provider=builtin",
  "--builtin-locale=C.UTF-8",
  "--data-checksums",
  "--auth=peer",
  `--username=${SUPERUSER}`,
  "--no-instructions",
  "--sync-method=syncfs",
];

/** True when this call made the files, false when they existed. No server may run on them. */
export async function createCluster(server: string, layout: Layout, account: Account): Promise<boolean> {
  const isNew = !existsSync(layout.files);
  if (isNew) await makeFiles(server, layout, account);
  else refuseOtherMajor(layout.files, serverMajor(server));
  claimFiles(layout, account);
  return isNew;
}

/** Gives the files to that user and writes who may connect. */
export function claimFiles({ root, files }: Layout, account: Account): void {
  if (process.getuid?.() === 0 && statSync(files).uid !== account.uid) giveTo(files, account);
  admitOnly([process.getuid?.() ?? 0, statSync(root).uid], files, account);
}

/** Works in a directory that only its owner and the server's group may enter, whichever name `initdb` borrows. */
async function makeFiles(server: string, { root, files }: Layout, account: Account): Promise<void> {
  for (const name of await readdir(root)) {
    if (name.startsWith(SCRATCH)) await removeDirectory(join(root, name));
  }
  const scratch = await mkdtemp(join(root, SCRATCH));
  const made = join(scratch, "data");
  try {
    makeDirectory(scratch, 0o710, { uid: process.getuid?.() ?? 0, gid: account.gid });
    makeDirectory(made, 0o700, { ...account, ...account.makeAs });
    await runProgram(account, [join(server, "bin/initdb"), "-D", made, ...INITDB_ARGUMENTS]);
    const singleUser = [join(server, "bin/postgres"), "--single", "-D", made, "-c", "log_checkpoints=off", "postgres"];
    await runProgram(account, singleUser, `create database ${DATABASE}\n`);
    if (process.getuid?.() === 0) giveTo(made, account);
    syncDirectory(scratch);
    await rename(made, files);
    syncDirectory(root);
  } finally {
    await removeDirectory(scratch);
  }
}

function refuseOtherMajor(files: string, major: string): void {
  const found = majorOf(files);
  if (found === undefined) {
    throw startFailure(`${files} exists but holds no PostgreSQL database. Move it away, then start again.`);
  }
  if (found === major) return;
  const advice =
    Number(found) < Number(major)
      ? '"muster upgrade-postgres" moves it, while no gateway runs'
      : "Start the muster that made it, or restore a dump of it elsewhere";
  throw startFailure(
    `${files} was made by PostgreSQL ${found}, and this executable carries PostgreSQL ${major}, which cannot read it. ${advice}.`,
  );
}

/** Major version of the PostgreSQL that made the files; undefined when there are none. */
export function majorOf(files: string): string | undefined {
  const version = join(files, "PG_VERSION");
  return existsSync(version) ? readFileSync(version, "utf8").trim() : undefined;
}

/** "18" of a directory named after the version, 18.4.0-…. */
export const serverMajor = (server: string) => basename(server).split(".")[0] ?? "";

async function runProgram(account: Account, command: string[], input = ""): Promise<void> {
  const child = spawnAs(account, command, input);
  const killAtExit = () => child.kill("SIGKILL");
  process.on("exit", killAtExit);
  const [said, complained] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  process.off("exit", killAtExit);
  if (child.exitCode === 0 && !/\b(ERROR|FATAL|PANIC):/.test(complained)) return;
  throw startFailure(sentenceFor(`${complained}\n${said}`, "PostgreSQL could not make its database files"));
}

function spawnAs(account: Account, command: string[], input: string) {
  try {
    return Bun.spawn(command, {
      ...account.makeAs,
      cwd: "/",
      env: { LC_ALL: "C", TZ: "UTC" },
      stdin: Buffer.from(input),
      stdout: "pipe",
      stderr: "pipe",
      detached: true, // a Ctrl-C is for the gateway, which then decides
    });
  } catch (cause) {
    throw startFailure(
      `${command[0]} cannot be run as ${account.name}: ${reasonOf(cause)}. Is its file system mounted noexec? Choose another DATA_DIR, or set DATABASE_URL.`,
      cause,
    );
  }
}

/** Time and process id at the beginning of a line of the server's log. */
const LOG_PREFIX = /^\d{4}-\d\d-\d\d [\d:.]+ \w+ \[\d+\] /;
const TELLING = /error:|ERROR:|FATAL:|PANIC:|HINT:|DETAIL:|could not|cannot|unrecognized|invalid|denied/;

/** Sentence for the operator, from a program's output. */
export function sentenceFor(output: string, what: string): string {
  if (/No space left on device|Disk quota exceeded|Check free disk space/i.test(output)) {
    return `${what}: the disk is full. Free some space, then start again.`;
  }
  const all = output.split("\n").map((line) => line.replace(LOG_PREFIX, "").trim());
  const lines = all.filter((line) => TELLING.test(line));
  const reason = (lines.length > 0 ? lines : all).slice(-3).join(" ").trim();
  return `${what}: ${reason || "it gave no reason"}`;
}
