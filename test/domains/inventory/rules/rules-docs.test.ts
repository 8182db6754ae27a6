// The built-in rules as docs/inventory-rules.md lists them: every rule, and what the page says of its examples.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { BUILTIN_RULES } from "../../../../src/domains/inventory/rules/builtin-rules.ts";
import type { Change } from "../../../../src/domains/inventory/diff/diff.ts";
import type { JsonValue } from "../../../../src/values/json/value.ts";
import { parseFieldPath } from "../../../../src/values/json/pointer.ts";
import { openRules } from "../../../../src/domains/inventory/rules/rules.ts";

const PAGE = await Bun.file(join(import.meta.dir, "../../../../docs/inventory-rules.md")).text();
const rules = openRules(BUILTIN_RULES);

/** The rows of the table below a heading, cell by cell. */
function tableOf(heading: string): string[][] {
  const [, below = ""] = PAGE.split(`\n### ${heading}\n`);
  const [table = ""] = below.split(/\n#+ /);
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split(" | ")
      .map((cell) => cell.trim()),
  );
}

const codes = (cell: string) => [...cell.matchAll(/`([^`]*)`/g)].map(([, text = ""]) => text);
const code = (cell = "") => codes(cell)[0] ?? "";

const changeOf = (kinds: string) => (kinds === "any" ? {} : { change: kinds.split(", ") });

function changeAt(path: string, changeType: Change["changeType"], from?: JsonValue, to?: JsonValue): Change {
  const rulePath = parseFieldPath(path);
  return { pointer: "/x", fieldPath: path, elements: [], changeType, previousValue: from, currentValue: to, rulePath };
}

test("every category rule is listed, and its example has the category", () => {
  const rows = tableOf("Categories");
  expect<unknown>(rows.map(([path, category]) => ({ path: code(path), category }))).toEqual(BUILTIN_RULES.categories);
  for (const [, category, example] of rows)
    expect(`${code(example)} ${rules.classify(changeAt(code(example), "update")).category}`).toBe(
      `${code(example)} ${category}`,
    );
});

test("every severity rule is listed, and its example has the severity", () => {
  const rows = tableOf("Severities");
  const listed = rows.map(([path, kinds = "", severity]) => {
    const [names = "", values] = kinds.split(" to ");
    return {
      path: code(path),
      ...changeOf(names),
      ...(values ? { to: codes(values).map((one) => JSON.parse(one)) } : {}),
      severity,
    };
  });
  expect<unknown>(listed).toEqual(BUILTIN_RULES.severities);
  for (const [, , severity, example = ""] of rows) {
    const [path = "", from, to] = codes(example);
    const change =
      from !== undefined && to !== undefined
        ? changeAt(path, "update", JSON.parse(from), JSON.parse(to))
        : changeAt(path, example.endsWith("goes") ? "delete" : "create");
    expect(`${example} ${rules.classify(change).severity}`).toBe(`${example} ${severity}`);
  }
});

test("every significance rule is listed, and its example is as significant", () => {
  const rows = tableOf("Significance");
  expect<unknown>(
    rows.map(([path, kinds = "", significance]) => ({ path: code(path), ...changeOf(kinds), significance })),
  ).toEqual(BUILTIN_RULES.significance);
  for (const [, , significance, example] of rows) {
    const judged = rules.classify(changeAt(code(example), "update", "a", "b"));
    const expected = { never: "hidden, foldable", minor: "hidden, foldable", always: "shown, not foldable" };
    const found = `${judged.significant ? "shown" : "hidden"}, ${judged.suppressible ? "" : "not "}foldable`;
    expect(`${code(example)} ${found}`).toBe(`${code(example)} ${expected[significance as keyof typeof expected]}`);
  }
});

test("what is important is listed as well", () => {
  const [, sentence = ""] = /^Important, for `minor`: ([^]*?)\.$/m.exec(PAGE) ?? [];
  const { severities, categories, changes } = BUILTIN_RULES.important;
  expect(codes(sentence)).toEqual([...severities, ...categories]);
  expect(changes).toEqual(["delete"]);
});
