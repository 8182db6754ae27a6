// How far a long command is, on a terminal, and nowhere else.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { CLEARED, describeStep, openProgress, watched } from "../../src/cli/terminal/progress.ts";
import { openTestApp } from "../support/app.ts";
import { runCommand } from "../support/command.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { temporaryDirectory } from "../support/run.ts";

describe("a step in words", () => {
  const bytes = { what: "Loading", unit: "bytes" };
  const systems = { what: "Pruning", unit: "systems" };
  test.each([
    [
      { ...bytes, done: 1.2e9, total: 5e9, elapsedMs: 12_000 },
      "Loading: 1.2 GB of 5.0 GB (24 %), 100.0 MB/s, 38 s left",
    ],
    [{ ...bytes, done: 5e9, total: 5e9, elapsedMs: 50_000 }, "Loading: 5.0 GB of 5.0 GB (100 %), 100.0 MB/s"],
    [
      { ...systems, done: 200, total: 100_000, elapsedMs: 2_000 },
      "Pruning: 200 of 100,000 systems (0 %), 100/s, 17 min left",
    ],
    [
      { ...systems, done: 30, total: 60_000, elapsedMs: 10_000 },
      "Pruning: 30 of 60,000 systems (0 %), 3.0/s, 5 h 34 min left",
    ],
    [{ ...systems, done: 50, total: 100, elapsedMs: 500 }, "Pruning: 50 of 100 systems (50 %)"],
    [{ ...systems, done: 50, elapsedMs: 5_000 }, "Pruning: 50 systems, 10/s"],
    // An estimate that was too low.
    [{ ...systems, done: 120, total: 100, elapsedMs: 1_000 }, "Pruning: 120 of 120 systems (100 %), 120/s"],
    [
      { ...systems, done: 60, total: 100, begun: 50, elapsedMs: 1_000 },
      "Pruning: 60 of 100 systems (60 %), 10/s, 4 s left",
    ],
    [{ ...systems, done: 0, total: 0, elapsedMs: 2_000 }, "Pruning: 0 systems"],
  ])("%j", (step, words) => expect(describeStep(step)).toBe(words));
});

test("is drawn five times a second at most, and no wider than the terminal", () => {
  const drawn: string[] = [];
  let now = 0;
  const progress = openProgress(
    { what: "x".repeat(50), unit: "rows" },
    { draw: (line) => drawn.push(line), columns: 40 },
    () => now,
  );
  for (; now < 1_000; now += 10) progress.at(now, 1_000);
  expect(drawn).toHaveLength(5);
  for (const line of drawn) expect(line).toHaveLength(39);
  progress.end();
  expect(drawn.at(-1)).toBe("");
});

test("what is said meanwhile takes the line away first", () => {
  let shown = "";
  const { tell, draw } = watched({ answer: async () => {}, pour: async () => 0, tell: (text) => void (shown += text) });
  draw("50 %");
  tell("warning\n");
  draw("51 %");
  draw("");
  draw("");
  expect(shown).toBe(`${CLEARED}50 %${CLEARED}warning\n${CLEARED}51 %${CLEARED}`);
});

describe("dump, restore, prune and verify", () => {
  test("show it on a terminal, and say nothing of it in a pipe or beside JSON", async () => {
    await using muster = await openTestApp();
    for (let number = 0; number < 5; number += 1) await muster.addSystem(`s${number}`);
    const directory = temporaryDirectory("progress");
    const file = join(directory, "dump.tar.zst");
    const env = { DATABASE_URL: muster.databaseUrl, DATA_DIR: directory };
    const watch = (...args: string[]) => runCommand(args, env, undefined, 100);
    const dumped = await watch("dump", file);
    expect(dumped.stderr).toMatch(/Dumping the database: \d+( of \d+)? rows/);
    expect(dumped.stderr).toEndWith(CLEARED);
    expect((await watch("inventory", "prune", "--dry-run")).stderr).toContain("Pruning: 5 of 5 systems (100 %)");
    await using empty = await createTestDatabase({ empty: true });
    const into = { DATABASE_URL: empty.url, DATA_DIR: directory };
    const restored = await runCommand(["restore", file], into, undefined, 100);
    expect(restored.stderr).toMatch(/Comparing hashes: \S+ kB of \S+ kB.*Loading: \S+ kB of/s);
    for (const args of [
      ["dump", file],
      ["inventory", "prune", "--dry-run"],
      ["restore", file, "--check"],
    ]) {
      expect(await runCommand(args, env)).toMatchObject({ code: 0, stderr: "" });
      expect(await runCommand([...args, "--json"], env, undefined, 100)).toMatchObject({ code: 0, stderr: "" });
    }
  }, 60_000);
});
