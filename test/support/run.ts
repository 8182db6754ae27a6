// Gives a test run one directory for all that it makes, and a keeper outside the runner that ends what is left with the run.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { openLog } from "../../src/log.ts";
import type { Log } from "../../src/log.ts";

/** Quiet but for what a failing test needs to know. */
export const testLog: Log = openLog({ level: "error", format: "text" });

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
export function temporaryDirectory(purpose: string): string {
  const path = mkdtempSync(join(runDirectory(), `${purpose}-`));
  chmodSync(path, 0o711);
  return path;
}

/** A file system without a disk, if there is one. */
export const MEMORY = "/dev/shm";
/** The run's directory there. */
export const inMemoryOf = (directory: string) => join(MEMORY, basename(directory));
export const socketOf = (directory: string) => join(directory, "keeper.sock");

/** The run's directory; whichever process makes it starts the keeper too. */
export function runDirectory(): string {
  // With --parallel this is a worker, and the run is over when the runner is.
  const pid = process.env["BUN_TEST_WORKER_ID"] ? process.ppid : process.pid;
  const root = identityOf(pid);
  if (!root) throw new Error(`The process ${pid} that runs the tests has ended.`);
  const path = join(tmpdir(), `${DIRECTORY_PREFIX}${root.pid}-${root.startedAt}`);
  if (existsSync(path)) return path;
  try {
    mkdirSync(path, { mode: 0o711 });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return path;
    throw error;
  }
  chmodSync(path, 0o711);
  startKeeper(path);
  return path;
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
