// Which user PostgreSQL runs as. It refuses root, and needs an entry in the user database.
import { statSync } from "node:fs";
import type { Stats } from "node:fs";
import { dirname } from "node:path";
import { Failure } from "../../errors.ts";
import type { PasswdEntry } from "./libc.ts";

export interface Account extends PasswdEntry {
  /** What `Bun.spawn` needs to become this user; empty when we are it. */
  spawnAs: { uid?: number; gid?: number };
}

export interface AccountQuestion {
  /** Who we are. */
  uid: number;
  /** Owner of DATA_DIR. */
  ownerUid: number;
  /** Owner of the database files, when there are some. */
  filesUid: number | undefined;
  byUid(uid: number): PasswdEntry | undefined;
  byName(name: string): PasswdEntry | undefined;
}

/** For root, in this order: who owns the database files, who owns DATA_DIR, then these. */
const UNPRIVILEGED_NAMES = ["muster", "postgres", "nobody"];

export function chooseAccount({ uid, ownerUid, filesUid, byUid, byName }: AccountQuestion): Account {
  if (uid !== 0) {
    const self = byUid(uid);
    if (!self) throw noEntry(uid, "this process runs as it");
    return { ...self, spawnAs: {} };
  }
  const owner = filesUid || ownerUid;
  const chosen = owner ? byUid(owner) : UNPRIVILEGED_NAMES.map(byName).find((entry) => entry && entry.uid !== 0);
  if (!chosen && owner) throw noEntry(owner, "it owns the data directory");
  if (!chosen) {
    throw startFailure(
      "PostgreSQL refuses to run as root, and there is no user muster, postgres or nobody. Add one (useradd --system muster) or set DATABASE_URL.",
    );
  }
  return { ...chosen, spawnAs: { uid: chosen.uid, gid: chosen.gid } };
}

/** The first directory on the way to `path` that the account may not pass through, judged by mode bits. */
export function firstClosedDirectory(account: PasswdEntry, path: string): string | undefined {
  const parent = dirname(path);
  const above = parent === path ? undefined : firstClosedDirectory(account, parent);
  return above ?? (mayPass(account, statSync(path)) ? undefined : path);
}

function mayPass({ uid, gid }: PasswdEntry, { uid: ownerUid, gid: ownerGid, mode }: Stats): boolean {
  if (uid === ownerUid) return (mode & 0o100) !== 0;
  return (mode & (gid === ownerGid ? 0o010 : 0o001)) !== 0;
}

/** The carried PostgreSQL cannot be used, and no retry will help: the sentence says what to do. */
export const startFailure = (sentence: string, cause?: unknown) =>
  new Failure("database.start", 503, sentence, { cause });

const noEntry = (uid: number, why: string) =>
  startFailure(
    `PostgreSQL cannot run as user id ${uid} (${why}) because that id has no entry in /etc/passwd. Add one or set DATABASE_URL.`,
  );
