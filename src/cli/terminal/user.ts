// Names the user of the operating system that runs a command, for the log of changes.
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";

/** `/etc/passwd` goes first: Bun repeats USER, which cron, systemd and containers leave out, and `su` keeps from who came before. */
export function userName(passwd = "/etc/passwd", look: () => { username: string } = userInfo): string {
  const uid = process.getuid?.();
  return nameIn(passwd, uid) ?? nameGiven(look) ?? `user ${uid}`;
}

/** What Bun says where USER is not set. */
const UNNAMED = "unknown";

/** Without an entry and without HOME there is no user to be told of, which must not keep a command from its work. */
function nameGiven(look: () => { username: string }): string | undefined {
  try {
    const { username } = look();
    return username === UNNAMED ? undefined : username;
  } catch {
    return undefined;
  }
}

function nameIn(passwd: string, uid: number | undefined): string | undefined {
  try {
    const entries = readFileSync(passwd, "utf8").split("\n");
    return entries.map((line) => line.split(":")).find(([, , id]) => id === String(uid))?.[0];
  } catch {
    return undefined;
  }
}
