// muster install and uninstall, below a directory that looks like a new Debian.
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../support/run.ts";
import { ROOT, runJson, runMuster } from "../support/program.ts";

const isRoot = process.getuid?.() === 0;
const canAddUsers = isRoot && Bun.which("useradd") !== null;
if (!canAddUsers) console.warn("Skipped: muster install, which needs root and useradd.");

function newRoot() {
  const root = temporaryDirectory("install");
  mkdirSync(join(root, "etc"));
  for (const [name, line] of [
    ["passwd", "root:x:0:0:root:/root:/bin/sh"],
    ["group", "root:x:0:"],
    ["shadow", "root:*:19000:0:99999:7:::"],
    ["gshadow", "root:*::"],
  ] as const)
    writeFileSync(join(root, "etc", name), `${line}\n`);
  const program = join(root, "new-muster");
  writeFileSync(program, "#!/bin/sh\n", { mode: 0o755 });
  return {
    root,
    program,
    read: (path: string) => readFileSync(join(root, path), "utf8"),
    has: (path: string) => existsSync(join(root, path)),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

test.skipIf(!canAddUsers)(
  "install makes user, program, unit and settings, and says so; a second time there is nothing to do",
  async () => {
    using at = newRoot();
    const args = ["install", "--root", at.root, "--executable", at.program];
    const { done } = await runJson<{ done: string[] }>(args);
    expect(done).toEqual([
      "user muster",
      `/usr/local/bin/muster from ${at.program}`,
      "/etc/systemd/system/muster.service",
      "/etc/systemd/system/muster.socket",
      "/etc/muster",
      "/etc/muster/muster.env",
    ]);
    expect(at.read("etc/passwd")).toContain("muster:");
    expect(at.read("etc/systemd/system/muster.service")).toBe(
      readFileSync(join(ROOT, "systemd/muster.service"), "utf8"),
    );
    const { mode, gid } = statSync(join(at.root, "etc/muster/muster.env"));
    expect([mode & 0o777, gid > 0]).toEqual([0o640, true]);
    expect(statSync(join(at.root, "usr/local/bin/muster")).mode & 0o777).toBe(0o755);
    expect((await runMuster(args)).stdout).toBe("Nothing to do: it is all there already.\n");
  },
  60_000,
);

test.skipIf(!canAddUsers)(
  "a second install brings the new program and keeps the settings",
  async () => {
    using at = newRoot();
    const args = ["install", "--root", at.root, "--executable", at.program];
    await runJson(args);
    writeFileSync(join(at.root, "etc/muster/muster.env"), "PROCESSES=auto\n");
    writeFileSync(at.program, "#!/bin/sh\necho newer\n");
    expect((await runJson<{ done: string[] }>(args)).done).toEqual([`/usr/local/bin/muster from ${at.program}`]);
    expect(at.read("etc/muster/muster.env")).toBe("PROCESSES=auto\n");
    expect(at.read("usr/local/bin/muster")).toContain("newer");
  },
  60_000,
);

test("--dry-run says what would be done and does nothing", async () => {
  using at = newRoot();
  const { would_do, done } = await runJson<{ would_do: string[]; done: string[] }>([
    "install",
    "--dry-run",
    "--root",
    at.root,
    "--executable",
    at.program,
  ]);
  expect([would_do.length, done, at.has("etc/muster"), at.has("usr")]).toEqual([6, [], false, false]);
}, 60_000);

test.skipIf(!canAddUsers)(
  "uninstall keeps data, settings and user; --purge asks for --yes and leaves nothing",
  async () => {
    using at = newRoot();
    await runJson(["install", "--root", at.root, "--executable", at.program]);
    mkdirSync(join(at.root, "var/lib/muster"), { recursive: true });
    writeFileSync(join(at.root, "var/lib/muster/precious"), "x");
    const { done } = await runJson<{ done: string[] }>(["uninstall", "--root", at.root]);
    expect(done).toEqual([
      "remove /etc/systemd/system/muster.service",
      "remove /etc/systemd/system/muster.socket",
      "remove /usr/local/bin/muster",
    ]);
    expect([at.has("var/lib/muster/precious"), at.has("etc/muster/muster.env")]).toEqual([true, true]);
    expect((await runMuster(["uninstall", "--root", at.root, "--purge"])).code).toBe(2);
    expect(at.has("var/lib/muster/precious")).toBe(true);
    await runJson(["uninstall", "--root", at.root, "--purge", "--yes"]);
    expect([at.has("var/lib/muster"), at.has("etc/muster"), at.read("etc/passwd").includes("muster")]).toEqual([
      false,
      false,
      false,
    ]);
  },
  60_000,
);

test("without an executable to install, or with one that is not there, it says so", async () => {
  using at = newRoot();
  expect((await runMuster(["install", "--dry-run", "--root", at.root])).code).toBe(2);
  const missing = await runMuster(["install", "--dry-run", "--root", at.root, "--executable", "/nonexistent"]);
  expect([missing.code, missing.stderr]).toEqual([1, "/nonexistent is not there.\n"]);
}, 60_000);
