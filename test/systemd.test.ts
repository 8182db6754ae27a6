// The unit that ships is one that systemd understands, that starts this program, and that is shut as far as it can be.
import { expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseConfig } from "../src/app/settings.ts";
import { temporaryDirectory } from "./support/run.ts";
import { ROOT } from "./support/program.ts";

const UNIT = join(ROOT, "systemd/muster.service");
const analyze = Bun.which("systemd-analyze");
if (!analyze && process.env["REQUIRE_SERVICES"])
  throw new Error("systemd is not installed, and REQUIRE_SERVICES is set.");
if (!analyze) console.warn("Skipped: tests of the unit, because systemd-analyze is not installed.");

test.skipIf(!analyze)("systemd finds no fault in it", () => {
  // The program need not be installed here: any that is stands in for it.
  const directory = temporaryDirectory("unit");
  const unit = readFileSync(UNIT, "utf8")
    .replace("/usr/local/bin/muster", "/bin/true")
    .replaceAll("=muster\n", "=root\n");
  writeFileSync(join(directory, "muster.service"), unit);
  writeFileSync(join(directory, "muster.socket"), readFileSync(join(ROOT, "systemd/muster.socket")));
  const units = ["muster.service", "muster.socket"].map((name) => join(directory, name));
  const { exitCode, stderr } = Bun.spawnSync(["systemd-analyze", "verify", ...units]);
  rmSync(directory, { recursive: true });
  expect(
    stderr
      .toString()
      .split("\n")
      .filter((line) => /muster\.(service|socket)/.test(line)),
  ).toEqual([]);
  expect(exitCode).toBe(0);
});

test("it starts nothing but the program and the shell, which every system has", () => {
  const commands = [...readFileSync(UNIT, "utf8").matchAll(/^Exec\w+=(\S+)/gm)].map(([, command]) => command);
  expect(commands).toEqual(["/usr/local/bin/muster", "/bin/sh"]);
});

test.skipIf(!analyze)("its exposure is 2.5 at most", () => {
  const { stdout } = Bun.spawnSync(["systemd-analyze", "security", "--offline=true", UNIT]);
  const exposure = Number(/exposure level for muster\.service: ([0-9.]+)/.exec(stdout.toString())?.[1]);
  expect(exposure).toBeLessThanOrEqual(2.5);
});

test("every setting in its example file is one that Muster has, with a value that it takes", () => {
  const lines = readFileSync(join(ROOT, "systemd/muster.env.example"), "utf8").matchAll(/^#([A-Z0-9_]+)=(.*)$/gm);
  const env = Object.fromEntries([...lines].map(([, name, value]) => [name ?? "", value ?? ""]));
  const files = Object.keys(env).filter((name) => name.endsWith("_FILE"));
  expect(files).toEqual(["DATABASE_URL_FILE"]);
  for (const name of files) delete env[name];
  const together = { ...env, S3_ACCESS_KEY: "a", S3_SECRET_KEY: "b", BACKUP_S3_BUCKET: "bucket" };
  expect(() => parseConfig(together)).not.toThrow();
});
