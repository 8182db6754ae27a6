// Where stdout leads nowhere: a full disk, a reader that has gone, a terminal that closed.
import { expect, test } from "bun:test";
import { openSync } from "node:fs";
import { createTestDatabase } from "../support/postgres.ts";
import { ROOT, SOURCES } from "../support/program.ts";

const started = (args: string[], stdout: "pipe" | number) =>
  Bun.spawn([...SOURCES, ...args], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"] },
    stdin: "ignore",
    stdout,
    stderr: "pipe",
  });

test.each([[["help"]], [["version", "--licenses"]], [["config", "--json"]]])(
  "muster %j > /dev/full says that no space is left, and ends with 1",
  async (args) => {
    const child = started(args, openSync("/dev/full", "w"));
    const [stderr, code] = await Promise.all([child.stderr.text(), child.exited]);
    expect({ stderr, code }).toEqual({
      stderr: "The answer could not be written: no space is left where stdout leads (ENOSPC).\n",
      code: 1,
    });
  },
  30_000,
);

test("a dump into a full disk says so, and one whose reader has gone is quiet", async () => {
  await using database = await createTestDatabase();
  const command = [...SOURCES, "dump", "-"].join(" ");
  const run = (rest: string) =>
    Bun.spawnSync(["bash", "-c", `${command} ${rest}`], {
      cwd: ROOT,
      env: { PATH: process.env["PATH"], DATABASE_URL: database.url, DATA_DIR: "/nonexistent-data" },
    });
  const full = run("> /dev/full");
  expect([full.exitCode, full.stderr.toString()]).toEqual([
    1,
    "The answer could not be written: no space is left where stdout leads (ENOSPC).\n",
  ]);
  const gone = run('| true; exit "${PIPESTATUS[0]}"');
  expect([gone.exitCode, gone.stderr.toString()]).toEqual([141, ""]);
}, 60_000);

test("a reader that has enough is no fault to speak of", async () => {
  const command = [...SOURCES, "version", "--licenses"].join(" ");
  const child = Bun.spawn(["bash", "-c", `${command} | head -1 >/dev/null; echo "\${PIPESTATUS[0]}"`], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"] },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  expect({ stdout, stderr }).toEqual({ stdout: "141\n", stderr: "" });
}, 30_000);

test("a full disk behind stderr does not keep the answer", async () => {
  const child = Bun.spawn([...SOURCES, "frobnicate"], {
    cwd: ROOT,
    env: {},
    stdout: "pipe",
    stderr: openSync("/dev/full", "w"),
  });
  expect(await child.exited).toBe(2);
}, 30_000);
