// Says whom the carried PostgreSQL lets in: the users that the gateway runs as, known by the other end of the socket.
import { closeSync, constants, fchownSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { NOBODY } from "./account.ts";
import type { Account } from "./account.ts";
import { passwdByUid } from "./libc.ts";

export const SUPERUSER = "muster";

const MAP = "gateway";
const RULES = `# Written at each start. Over the socket alone, and only for the users that pg_ident.conf names.
local all ${SUPERUSER} peer map=${MAP}
`;

/**
 * Allows root too, which can become any user: commands beside a service are often run by root. Replaces files of an older
 * version, which allowed everybody who reached the socket.
 */
export function admitOnly(uids: readonly number[], files: string, account: Account): void {
  const isShared = (uid: number) => uid === NOBODY && process.getuid?.() !== NOBODY;
  const names = [0, ...uids].filter((uid) => !isShared(uid)).map((uid) => passwdByUid(uid)?.name);
  const lines = [...new Set(names)].flatMap((name) => (name ? [`${MAP} ${JSON.stringify(name)} ${SUPERUSER}\n`] : []));
  keepFile(join(files, "pg_hba.conf"), RULES, account);
  keepFile(join(files, "pg_ident.conf"), `# Written at each start.\n${lines.join("")}`, account);
}

/** Root writes into another user's directory here: replaces a link, never follows it. */
function keepFile(path: string, text: string, { uid, gid }: Account): void {
  const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
  const fresh = `${path}.new`;
  rmSync(fresh, { force: true });
  const descriptor = openSync(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    writeSync(descriptor, text);
    if (process.getuid?.() === 0) fchownSync(descriptor, uid, gid);
  } finally {
    closeSync(descriptor);
  }
  renameSync(fresh, path);
}
