// How far one request leads through the source: docs/walks.md is current, and no walk is longer than its goal.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { formatted, measureWalks, walksPage } from "../scripts/walks.ts";

test("docs/walks.md is what the imports of src say now; after a change: bun scripts/walks.ts", async () => {
  const page = await Bun.file(join(import.meta.dir, "../docs/walks.md")).text();
  expect(page).toBe(await formatted(await walksPage()));
}, 30_000);

test("a heartbeat, an inventory and an upload open no more files and lines than their goals", async () => {
  const walks = await measureWalks();
  expect(walks.map(({ title }) => title)).toEqual(["One heartbeat", "One inventory", "One upload"]);
  expect(walks.map(({ goal }) => [goal.files, goal.lines])).toEqual([
    [12, undefined],
    [25, 2_900],
    [18, undefined],
  ]);
  for (const { title, goal, files, lines } of walks) {
    expect([title, files <= goal.files]).toEqual([title, true]);
    expect([title, lines <= (goal.lines ?? Infinity)]).toEqual([title, true]);
  }
});
