// Who a command is run by, as the log of changes names them.
import { expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { userName } from "../../src/cli/terminal/user.ts";
import { temporaryDirectory } from "../support/run.ts";

const USER_FILE = join(import.meta.dir, "../../src/cli/terminal/user.ts");

/** In a program of its own, since Bun reads USER once. */
function nameOf(passwd: string, env: { USER?: string }): string {
  const code = `console.log((await import(${JSON.stringify(USER_FILE)})).userName(${JSON.stringify(passwd)}))`;
  const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", code], { env });
  return stdout.toString().trim() || stderr.toString();
}

test("a user is named by the system's own list, whatever USER says, also where cron or systemd leave USER out", () => {
  const directory = temporaryDirectory("user");
  const uid = process.getuid?.() ?? -1;
  const [passwd, empty] = [join(directory, "passwd"), join(directory, "empty")];
  writeFileSync(passwd, `other:x:${uid}7:0::/:/bin/sh\nkeeper:x:${uid}:0::/:/bin/sh\n`);
  writeFileSync(empty, "");
  for (const env of [{}, { USER: "somebody" }]) expect(nameOf(passwd, env)).toBe("keeper");
  for (const list of [empty, join(directory, "missing")]) {
    expect(nameOf(list, { USER: "zoe" })).toBe("zoe");
    expect(nameOf(list, {})).toBe(`user ${uid}`);
  }
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

test("a user whom the system knows nothing of, not even a home, is named by the number", () => {
  const lookUp = () => {
    throw new Error("ENOENT: no such file or directory, uv_os_homedir");
  };
  expect(userName("/does/not/exist", lookUp)).toBe(`user ${process.getuid?.()}`);
});
