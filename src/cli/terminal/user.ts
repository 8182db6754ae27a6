// Names the user of the operating system that runs a command, for the log of changes.
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";

/** `/etc/passwd` goes first: Bun repeats USER, which cron, systemd and containers leave out, and `su` keeps from who came before. */
export function userName(passwd = "/etc/passwd"): string {
  const { uid, username } = userInfo();
  return nameIn(passwd, uid) ?? (username === UNNAMED ? `user ${uid}` : username);
}

/** What Bun says where USER is not set. */
const UNNAMED = "unknown";

function nameIn(passwd: string, uid: number): string | undefined {
  try {
    const entries = readFileSync(passwd, "utf8").split("\n");
    return entries.map((line) => line.split(":")).find(([, , id]) => id === String(uid))?.[0];
  } catch {
    return undefined;
  }
}
