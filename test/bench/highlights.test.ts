// The highlights in bench/RESULTS.md are those of the figures below them.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { describeHighlights } from "../../bench/support/highlights.ts";
import { ROOT } from "../support/program.ts";

const RESULTS = await Bun.file(join(ROOT, "bench/RESULTS.md")).text();

test("the table of highlights is made from the tables of all figures", () => {
  const [, highlights = ""] = /^## Highlights\n([^]*?)^## /m.exec(RESULTS) ?? [];
  const table = describeHighlights(figuresOf(RESULTS));
  expect(cellsOf(highlights)).toEqual(cellsOf(table));
  expect(table).not.toContain("not measured");
});

test("a goal is met, missed or absent, and the largest of several figures counts", () => {
  const row = (what: string, figures: [string, string][]) =>
    cellsOf(describeHighlights(new Map(figures))).find((cells) => cells[1] === what);
  expect(
    row("inventories of 30 KB a second, compared and committed", [["inventory › ours per second", "1459.4"]]),
  ).toEqual(["", "inventories of 30 KB a second, compared and committed", "`inventory`", "1,459", "", "", ""]);
  expect(row("… ÷ plain inserts on 10 connections", [["inventory › ratio", "0.2221"]])?.slice(3)).toEqual([
    "0.222",
    "≥ 0.35",
    "no",
    "",
  ]);
  const pages: [string, string][] = [
    ["scale › answers › list page › p99 ms", "5.49"],
    ["scale › answers › facets › p99 ms", "32.61"],
    ["scale › answers › facets › p50 ms", "900"],
  ];
  expect(row("fleet of 10,000: slowest page, search or facet, p99", pages)?.slice(3)).toEqual([
    "32.6 ms",
    "≤ 200 ms",
    "yes",
    "",
  ]);
});

/** Every figure by "bench › name", read from the tables. */
function figuresOf(text: string): Map<string, string> {
  const sections = text.split(/^## /m).slice(1);
  return new Map(
    sections.flatMap((section) => {
      const [bench = ""] = section.split("\n");
      return cellsOf(section).map(([, name, value = ""]) => [`${bench} › ${name}`, value] as const);
    }),
  );
}

/** Cells without the padding that lines them up. */
function cellsOf(table: string): string[][] {
  const rows = table.split("\n").filter((line) => line.startsWith("|") && !/^\|[ |:-]+\|$/.test(line));
  return rows.map((row) => row.split("|").map((cell) => cell.trim()));
}
