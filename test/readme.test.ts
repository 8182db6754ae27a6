// Compares what the README and docs/settings.md say of settings with the program.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { settingsTable } from "../src/cli/host/config.ts";
import { ROOT } from "./support/program.ts";

const README = await Bun.file(join(ROOT, "README.md")).text();

test("it has from 120 to 200 lines in all", () => {
  const lines = README.trimEnd().split("\n").length;
  expect(lines).toBeGreaterThanOrEqual(120);
  expect(lines).toBeLessThanOrEqual(200);
});

test("every file and directory it links to is there", () => {
  const links = [...README.matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1] ?? "");
  expect(links).toContain("AGENTS.md");
  expect(links.filter((link) => !existsSync(join(ROOT, link)))).toEqual([]);
});

test("docs/settings.md has what muster config --markdown prints; bun scripts/settings-page.ts rewrites it", async () => {
  const page = await Bun.file(join(ROOT, "docs/settings.md")).text();
  const [, table = ""] = /<!-- settings -->([^]*)<!-- \/settings -->/.exec(page) ?? [];
  expect(cellsOf(table)).toEqual(cellsOf(settingsTable()));
});

test("the few settings that a newcomer needs have their true names and defaults", () => {
  const nameAndDefault = (cells: string[]) => cells.slice(1, 3);
  const known = cellsOf(settingsTable()).map(nameAndDefault);
  const shown = cellsOf(README)
    .map(nameAndDefault)
    .filter(([name = ""]) => /^`[A-Z_]+`$/.test(name));
  expect(shown.length).toBeGreaterThanOrEqual(3);
  for (const row of shown) expect(known).toContainEqual(row);
});

/** Cells without the padding that lines them up. */
function cellsOf(table: string): string[][] {
  const rows = table.split("\n").filter((line) => line.startsWith("|") && !/^\|[ |:-]+\|$/.test(line));
  return rows.map((row) => row.split("|").map((cell) => cell.trim()));
}
