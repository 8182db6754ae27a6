// Calls the few functions of the C library for which Bun has no name.
import { CString, dlopen, read } from "bun:ffi";
import type { Pointer } from "bun:ffi";
import { closeSync, openSync } from "node:fs";

/** Opened at first use: a process with its own DATABASE_URL never needs it. */
let opened: ReturnType<typeof openLibc> | undefined;
const libc = () => (opened ??= openLibc());

function openLibc() {
  return dlopen("libc.so.6", {
    flock: { args: ["i32", "i32"], returns: "i32" },
    syncfs: { args: ["i32"], returns: "i32" },
    getpwuid: { args: ["u32"], returns: "ptr" },
    getpwnam: { args: ["cstring"], returns: "ptr" },
  }).symbols;
}

const LOCK_EXCLUSIVE_NOW = 2 | 4;

export interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
}

/** Takes the file's lock, which the kernel frees when the last descriptor closes; false when another process has it. */
export function tryLock(descriptor: number): boolean {
  return libc().flock(descriptor, LOCK_EXCLUSIVE_NOW) === 0;
}

/** Syncs the file system of the descriptor to disk. */
function syncFileSystem(descriptor: number): void {
  libc().syncfs(descriptor);
}

/** The same for everything below a directory. */
export function syncDirectory(path: string): void {
  const descriptor = openSync(path, "r");
  syncFileSystem(descriptor);
  closeSync(descriptor);
}

/** Looks the user up as PostgreSQL does: directory services and systemd's dynamic users count too. */
export function passwdByUid(uid: number): PasswdEntry | undefined {
  return entryAt(libc().getpwuid(uid));
}

export function passwdByName(name: string): PasswdEntry | undefined {
  return entryAt(libc().getpwnam(Buffer.from(`${name}\0`)));
}

/** struct passwd on 64-bit Linux: two pointers (name, password), then uid and gid as 32-bit numbers. */
function entryAt(pointer: Pointer | bigint | null): PasswdEntry | undefined {
  if (typeof pointer !== "number" || pointer === 0) return undefined;
  const name = new CString(read.ptr(pointer, 0) as Pointer).toString();
  return { name, uid: read.u32(pointer, 16), gid: read.u32(pointer, 20) };
}
