// Makes the directories where the carried PostgreSQL keeps its things, with the right owners.
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  statSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { chooseAccount, firstClosedDirectory, startFailure } from "./account.ts";
import type { Account } from "./account.ts";
import { passwdByName, passwdByUid } from "./libc.ts";

export interface Layout {
  /** DATA_DIR/postgres */
  root: string;
  /** The database files. */
  files: string;
  /** Holds the unix socket; closed to everyone but the server's user. */
  run: string;
  log: string;
}

export function layoutOf(dataDir: string): Layout {
  const root = join(realpathSync(dataDir), "postgres");
  return { root, files: join(root, "data"), run: join(root, "run"), log: join(root, "postgres.log") };
}

const REMOVE_ATTEMPTS = 40;
const REMOVE_PAUSE_MS = 50;

/** Makes the directories and chooses PostgreSQL's user. The root belongs to DATA_DIR's owner, `run` and `files` to that user. */
export async function prepareLayout(dataDir: string): Promise<{ layout: Layout; account: Account }> {
  const layout = layoutOf(dataDir);
  const owner = statSync(dataDir);
  const account = chooseAccount({
    uid: process.getuid?.() ?? 0,
    dataDir: layout.root,
    ownerUid: owner.uid,
    filesUid: existsSync(layout.files) ? statSync(layout.files).uid : undefined,
    byUid: passwdByUid,
    byName: passwdByName,
  });
  makeDirectory(layout.root, 0o711, owner);
  makeDirectory(layout.run, 0o700, account);
  await refuseClosedPath(account, layout.root);
  return { layout, account };
}

/** Idempotent: an older or foreign directory gets the owner and mode it should have. */
export function makeDirectory(path: string, mode: number, owner: { uid: number; gid: number }): void {
  mkdirSync(path, { recursive: true, mode });
  const is = statSync(path);
  if ((is.uid !== owner.uid || is.gid !== owner.gid) && process.getuid?.() === 0) chownSync(path, owner.uid, owner.gid);
  if ((is.mode & 0o777) !== mode) chmodSync(path, mode);
}

/** Gives everything below the path to that user. The path itself comes last, so that an interrupted change is noticed. */
export function giveTo(path: string, owner: { uid: number; gid: number }): void {
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) giveTo(join(path, name), owner);
  lchownSync(path, owner.uid, owner.gid);
}

/** Retries for a moment: a program that a killed muster had started may still be writing there. */
export async function removeDirectory(path: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await rm(path, { recursive: true, force: true });
    } catch (error) {
      if (attempt >= REMOVE_ATTEMPTS) throw error;
      await Bun.sleep(REMOVE_PAUSE_MS);
    }
  }
}

async function refuseClosedPath(account: Account, root: string): Promise<void> {
  const closed = firstClosedDirectory(account, root);
  if (closed === undefined || (await canEnter(account, root))) return;
  throw startFailure(
    `PostgreSQL runs as the user ${account.name}, who may not pass through ${closed}. Choose a DATA_DIR that this user can reach (such as /var/lib/muster), or allow it: chmod o+x ${closed}`,
  );
}

/** Mode bits do not show access control lists: only an attempt proves access. */
async function canEnter({ spawnAs }: Account, directory: string): Promise<boolean> {
  const attempt = Bun.spawn(["/bin/sh", "-c", 'cd "$1"', "sh", directory], { ...spawnAs, env: {}, stdio: QUIET });
  return (await attempt.exited) === 0;
}

const QUIET: ["ignore", "ignore", "ignore"] = ["ignore", "ignore", "ignore"];
