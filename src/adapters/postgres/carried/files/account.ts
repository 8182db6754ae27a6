// Decides which user PostgreSQL runs as. It refuses root; making its files needs an entry in the user database.
import { statSync } from "node:fs";
import type { Stats } from "node:fs";
import { dirname } from "node:path";
import { Failure } from "../../../../errors.ts";
import type { PasswdEntry } from "./libc.ts";

export interface Account {
  /** For messages; a reserved id has no name in the user database. */
  name: string;
  uid: number;
  gid: number;
  /** Options for `Bun.spawn` to run as this user; empty when this process is that user. */
  spawnAs: { uid?: number; gid?: number };
  /** The same for `initdb`, which needs a user with a name. */
  makeAs: { uid?: number; gid?: number };
}

interface AccountQuestion {
  /** User of this process. */
  uid: number;
  dataDir: string;
  /** Owner of DATA_DIR. */
  ownerUid: number;
  /** Owner of the database files, if they exist. */
  filesUid: number | undefined;
  byUid(uid: number): PasswdEntry | undefined;
  byName(name: string): PasswdEntry | undefined;
}

/** Made by `muster install`. */
const OWN_USER = "muster";
/** Shared by all services without a user of their own: each of them could read its files. */
export const NOBODY = 65_534;
/** Ids that neither systemd nor a distribution assigns. */
const FIRST_OWN_ID = 60_578;
const OWN_IDS = 606;
/** Present on every system, and without a login. */
const LENDERS = ["daemon", "bin", "sys", "mail"];

/**
 * Never a user that other services run as. Started by root, it is DATA_DIR's owner, or the user made by `muster install`, or
 * otherwise a reserved id that no other process has.
 */
export function chooseAccount(question: AccountQuestion): Account {
  const { uid, ownerUid, byUid, byName } = question;
  if (uid !== 0) {
    const self = byUid(uid);
    if (!self) throw noEntry(uid, "this process runs as it");
    return { ...self, spawnAs: {}, makeAs: {} };
  }
  if (ownerUid !== 0 && ownerUid !== NOBODY) {
    const owner = byUid(ownerUid);
    if (!owner) throw noEntry(ownerUid, "it owns the data directory");
    return become(owner);
  }
  const own = byName(OWN_USER);
  return own && own.uid !== 0 ? become(own) : ownId(question);
}

function become({ name, uid, gid }: PasswdEntry): Account {
  const ids = { uid, gid };
  return { name, ...ids, spawnAs: ids, makeAs: ids };
}

/** The user whose name `initdb` borrows has no access: the directory it works in is open to the server's group alone. */
function ownId({ dataDir, filesUid, byUid, byName }: AccountQuestion): Account {
  const lender = LENDERS.map(byName).find((entry) => entry && entry.uid !== 0 && entry.uid !== NOBODY);
  if (!lender) {
    throw startFailure(
      `PostgreSQL refuses to run as root, and there is no user ${OWN_USER}. Add one (useradd --system ${OWN_USER}) or set DATABASE_URL.`,
    );
  }
  const id = isOwnId(filesUid) ? filesUid : firstFreeId(dataDir, byUid);
  const ids = { uid: id, gid: id };
  return { name: String(id), ...ids, spawnAs: ids, makeAs: { uid: lender.uid, gid: id } };
}

const isOwnId = (uid: number | undefined): uid is number =>
  uid !== undefined && uid >= FIRST_OWN_ID && uid < FIRST_OWN_ID + OWN_IDS;

/** Two installations on one machine never share an id. */
function firstFreeId(dataDir: string, byUid: AccountQuestion["byUid"]): number {
  const first = Number(BigInt(Bun.hash(dataDir)) % BigInt(OWN_IDS));
  const ids = Array.from({ length: OWN_IDS }, (_, index) => FIRST_OWN_ID + ((first + index) % OWN_IDS));
  const free = ids.find((id) => !byUid(id));
  if (free === undefined)
    throw startFailure(`No user id is free for PostgreSQL. Add a user: useradd --system ${OWN_USER}`);
  return free;
}

/** The first directory on the way to `path` that the account may not pass through, judged by mode bits. */
export function firstClosedDirectory(account: Ids, path: string): string | undefined {
  const parent = dirname(path);
  const above = parent === path ? undefined : firstClosedDirectory(account, parent);
  return above ?? (mayPass(account, statSync(path)) ? undefined : path);
}

type Ids = Pick<PasswdEntry, "uid" | "gid">;

function mayPass({ uid, gid }: Ids, { uid: ownerUid, gid: ownerGid, mode }: Stats): boolean {
  if (uid === ownerUid) return (mode & 0o100) !== 0;
  return (mode & (gid === ownerGid ? 0o010 : 0o001)) !== 0;
}

/** For a carried PostgreSQL that no retry will make usable: the sentence says what to do. */
export const startFailure = (sentence: string, cause?: unknown) =>
  new Failure("database.start", 503, sentence, { cause });

const noEntry = (uid: number, why: string) =>
  startFailure(
    `PostgreSQL cannot run as user id ${uid} (${why}) because that id has no entry in /etc/passwd. Add one or set DATABASE_URL.`,
  );
