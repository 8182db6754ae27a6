// Gives a test run one directory for all that it makes, and a keeper outside the runner that ends what is left with the run.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { openLog } from "../../src/log.ts";
import type { Log } from "../../src/log.ts";

/** Quiet but for what a failing test needs to know. */
export const testLog: Log = openLog({ level: "error", format: "text" });

/** How many times longer than in production services may take to answer: thirty others may want the machine too. */
export const PATIENCE = 10;

export const DIRECTORY_PREFIX = "muster-test-";

/** What makes a process itself: its number is given to another one some day. */
export interface Identity {
  pid: number;
  /** In ticks since the machine's start. */
  startedAt: string;
}

/** Undefined once it has ended, also while nobody has waited for it. */
export function identityOf(pid: number): Identity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold anything, a parenthesis too.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const startedAt = fields[18];
    return state === "Z" || state === "X" || startedAt === undefined ? undefined : { pid, startedAt };
  } catch {
    return undefined;
  }
}

export const isAlive = (one: Identity) => identityOf(one.pid)?.startedAt === one.startedAt;

/** A directory of its own, removed with the run; PostgreSQL's user can pass through it, also where root runs the tests. */
export const temporaryDirectory = (purpose: string) => makeDirectory(runDirectory(), purpose);

/** The same on a disk, for what is large, or writes past the file system's cache. */
export function diskDirectory(purpose: string): string {
  const path = join(tmpdir(), basename(runDirectory()));
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o711);
  return makeDirectory(path, purpose);
}

function makeDirectory(directory: string, purpose: string): string {
  const path = mkdtempSync(join(directory, `${purpose}-`));
  chmodSync(path, 0o711);
  return path;
}

/** Where runs have their directories: a file system without a disk, if there is one, and the disk. */
export const PLACES = ["/dev/shm", tmpdir()];
/** Benchmarks use these servers too, and measure what a disk costs. */
export const IS_TEST = process.env["NODE_ENV"] === "test";
/** Three times what a run was seen to need. */
const NEEDED_BYTES = 3 * 1024 ** 3;

export const socketOf = (directory: string) => join(directory, "keeper.sock");

/** The run's directory; whichever process makes it starts the keeper too. */
export function runDirectory(): string {
  // With --parallel this is a worker, and the run is over when the runner is.
  const pid = process.env["BUN_TEST_WORKER_ID"] ? process.ppid : process.pid;
  const root = identityOf(pid);
  if (!root) throw new Error(`The process ${pid} that runs the tests has ended.`);
  const name = `${DIRECTORY_PREFIX}${root.pid}-${root.startedAt}`;
  const made = PLACES.map((place) => join(place, name)).find((path) => existsSync(path));
  if (made) return made;
  const path = join((IS_TEST && PLACES.find(isRoomy)) || tmpdir(), name);
  try {
    mkdirSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return path;
    throw error;
  }
  chmodSync(path, 0o711);
  startKeeper(path);
  return path;
}

/** A database is some 600 files, which cost a disk's file system twenty times what they cost in memory. */
function isRoomy(place: string): boolean {
  if (!existsSync(place)) return false;
  const { bavail, bsize } = statfsSync(place);
  // PostgreSQL's programs lie there too.
  const mayNotRun = new RegExp(` ${place} \\S+ \\S*\\bnoexec\\b`).test(readFileSync("/proc/self/mounts", "utf8"));
  return !mayNotRun && bavail * bsize > NEEDED_BYTES;
}

/** Through a shell that ends at once: the runner ends a test's own children when its time is over, and a Ctrl-C all of its group. */
function startKeeper(directory: string): void {
  const script = 'log=$1; shift; "$@" </dev/null >"$log" 2>&1 &';
  const keeper = [process.execPath, join(import.meta.dir, "keeper.ts"), directory];
  Bun.spawnSync(["/bin/sh", "-c", script, "sh", join(directory, "keeper.log"), ...keeper], {
    env: process.env,
    stdio: ["ignore", "ignore", "inherit"],
    detached: true,
  });
}
