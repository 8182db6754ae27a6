// Ends what a killed gateway or server leaves behind: processes that still hold the database files, and their lock files.
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../../log.ts";
import { startFailure } from "./files/account.ts";
import type { Layout } from "./files/layout.ts";

interface ServerProcess {
  pid: number;
  /** The postmaster; the others are its children and go with it. */
  isMain: boolean;
}

/** The postmaster's own note: who it is and whether it takes connections. */
interface Postmaster {
  pid: number;
  ready: boolean;
}

const FAST_STOP_MS = 20_000;
const IMMEDIATE_STOP_MS = 5_000;
const KILLED_MS = 5_000;
/** Of each of three signals. */
const EXIT_MS = 2_000;
const POLL_MS = 10;

/** The title that the server's processes carry, so that they are found by their command line, which everyone may read. */
export const clusterName = (files: string) => `muster-${Bun.hash(files).toString(16).padStart(16, "0")}`;

/** Stops every process that still works on our files; returns the pid of an orphaned server, if there was one. */
export async function clearRemains({ files, run }: Layout, log: Log): Promise<number | undefined> {
  if (!existsSync(join(files, "postmaster.pid"))) return undefined;
  const main = serverProcesses(files).find((one) => one.isMain);
  if (main) log.warn("Stopping the PostgreSQL that a killed muster left running.", { pid: main.pid });
  const gone =
    (await stopAll(files, "SIGINT", FAST_STOP_MS)) ||
    (await stopAll(files, "SIGQUIT", IMMEDIATE_STOP_MS)) ||
    (await stopAll(files, "SIGKILL", KILLED_MS));
  if (!gone) {
    const pids = serverProcesses(files).map((one) => one.pid);
    throw startFailure(`PostgreSQL processes that cannot be stopped still use ${files}: ${pids.join(", ")}.`);
  }
  // Nobody works on the files now; a stale note would keep PostgreSQL from starting once its pid is used again.
  rmSync(join(files, "postmaster.pid"), { force: true });
  for (const name of readdirSync(run)) rmSync(join(run, name), { force: true });
  return main?.pid;
}

/** For the end of this process, which waits for it: no server outlives whoever started it. */
export function endAtOnce(files: string): void {
  for (const signal of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
    const endMs = performance.now() + EXIT_MS;
    for (const { pid, isMain } of serverProcesses(files)) if (isMain || signal !== "SIGINT") send(pid, signal);
    while (performance.now() < endMs) {
      if (serverProcesses(files).length === 0) return;
      Bun.sleepSync(POLL_MS);
    }
  }
}

async function stopAll(files: string, signal: NodeJS.Signals, limitMs: number): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  const told = new Set<number>();
  for (;;) {
    const running = serverProcesses(files);
    if (running.length === 0) return true;
    // Children follow their postmaster; where it is gone they are told themselves.
    const main = running.filter((one) => one.isMain);
    for (const { pid } of main.length > 0 ? main : running) {
      if (!told.has(pid)) send(pid, main.length > 0 ? signal : "SIGQUIT");
      told.add(pid);
    }
    if (performance.now() >= endMs) return false;
    await Bun.sleep(POLL_MS);
  }
}

/** Processes that serve these files, by command line; where allowed to look, also by working directory. */
export function serverProcesses(files: string): ServerProcess[] {
  const found: ServerProcess[] = [];
  const title = `postgres: ${clusterName(files)}: `;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const words = readOr(`/proc/${name}/cmdline`, "").split("\0");
    const isMain = (words[0] ?? "").endsWith("/postgres") && words[words.indexOf("-D") + 1] === files;
    if ((isMain || words[0]?.startsWith(title)) && worksIn(name, files)) found.push({ pid: Number(name), isMain });
  }
  // A child that has only just been made has its parent's command line until it gives itself a title.
  const mains = new Set(found.filter((one) => one.isMain).map((one) => one.pid));
  return found.map(({ pid, isMain }) => ({ pid, isMain: isMain && !mains.has(parentOf(pid)) }));
}

const parentOf = (pid: number) => Number(/^\d+ \(.*\) \S (\d+)/s.exec(readOr(`/proc/${pid}/stat`, ""))?.[1]);

/** False only when the process visibly works elsewhere: the same path in another container is another directory. */
function worksIn(pid: string, files: string): boolean {
  try {
    const theirs = statSync(`/proc/${pid}/cwd`);
    const ours = statSync(files);
    return theirs.dev === ours.dev && theirs.ino === ours.ino;
  } catch {
    return isAlive(pid);
  }
}

/** A process that has exited but was not waited for holds nothing any more. */
function isAlive(pid: string): boolean {
  const stat = readOr(`/proc/${pid}/stat`, "");
  return stat !== "" && !/^\d+ \(.*\) [ZX]/s.test(stat);
}

export function readPostmaster(files: string): Postmaster | undefined {
  const lines = readOr(join(files, "postmaster.pid"), "").split("\n");
  const pid = Number(lines[0]);
  // Line 8 is the state: starting, ready, stopping.
  return pid > 0 ? { pid, ready: lines[7]?.trim() === "ready" } : undefined;
}

function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return fallback;
  }
}

/** A process may be gone by the time it is told. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
