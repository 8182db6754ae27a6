// Locks a data directory for one process. The kernel frees the lock with the process, however that ends.
import { chownSync, closeSync, constants, ftruncateSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Failure, reasonOf } from "../../../errors.ts";
import { tryLock } from "./files/libc.ts";

/** A gateway that serves, or a command that holds the directory for a moment. */
export type LockRole = "serve" | "cli";

interface LockHolder {
  pid: number;
  role: LockRole;
}

export interface DataDirLock {
  release(): void;
}

interface LockOptions {
  role: LockRole;
  /** How long to wait for a command to finish; a serving gateway is not waited for. */
  waitMs: number;
}

/** A serving process that is just being replaced (a restart) gets this long to end. */
const HANDOVER_MS = 1_000;
const POLL_MS = 20;

export async function lockDataDir(dataDir: string, { role, waitMs }: LockOptions): Promise<DataDirLock> {
  const startMs = performance.now();
  for (;;) {
    const taken = tryLockDataDir(dataDir, role);
    if (taken) return taken;
    const holder = readHolder(dataDir);
    const patienceMs = holder?.role === "serve" ? Math.min(waitMs, HANDOVER_MS) : waitMs;
    if (performance.now() - startMs >= patienceMs) throw heldBy(holder, dataDir);
    await Bun.sleep(POLL_MS);
  }
}

export function tryLockDataDir(dataDir: string, role: LockRole): DataDirLock | undefined {
  const descriptor = openLockFile(dataDir);
  if (!tryLock(descriptor)) {
    closeSync(descriptor);
    return undefined;
  }
  ftruncateSync(descriptor);
  writeSync(descriptor, `${process.pid} ${role}\n`, 0);
  return { release: () => releaseLock(descriptor) };
}

/** The process that wrote its name last; only meaningful while the lock is held. Undefined for a moment after the lock was taken. */
export function readHolder(dataDir: string): LockHolder | undefined {
  const match = /^(\d+) (serve|cli)\n/.exec(readFileSync(lockPath(dataDir), "utf8"));
  return match ? { pid: Number(match[1]), role: match[2] === "serve" ? "serve" : "cli" } : undefined;
}

export function heldBy(holder: LockHolder | undefined, dataDir: string): Failure {
  const who = holder ? `Another muster (pid ${holder.pid})` : "Another muster";
  const does = holder?.role === "cli" ? "is still working on" : "already serves from";
  const advice =
    holder?.role === "cli" ? "Try again when it is done." : "Stop it first, or set another DATA_DIR for this one.";
  return new Failure("data_dir.locked", 409, `${who} ${does} ${dataDir}. ${advice}`);
}

function openLockFile(dataDir: string): number {
  try {
    const { O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
    const descriptor = openSync(lockPath(dataDir), O_RDWR | O_CREAT | O_NOFOLLOW, 0o640);
    const owner = statSync(dataDir);
    // A lock file made by root must not lock out the service, which runs as the directory's owner.
    if (process.getuid?.() === 0 && owner.uid !== 0) chownSync(lockPath(dataDir), owner.uid, owner.gid);
    return descriptor;
  } catch (cause) {
    const sentence = `${dataDir} cannot be used: ${reasonOf(cause)}. Run muster as the user that owns it, or set another DATA_DIR.`;
    throw new Failure("data_dir.unusable", 503, sentence, { cause });
  }
}

function releaseLock(descriptor: number): void {
  ftruncateSync(descriptor);
  closeSync(descriptor);
}

export const lockPath = (dataDir: string) => join(dataDir, "muster.lock");
