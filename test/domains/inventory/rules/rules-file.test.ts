// The rules file: what replaces what, and that every fault is named at once.
import { expect, test } from "bun:test";
import { BUILTIN_RULES } from "../../../../src/domains/inventory/rules/builtin-rules.ts";
import { openRules } from "../../../../src/domains/inventory/rules/rules.ts";
import { parseRules, RulesFault } from "../../../../src/domains/inventory/rules/file.ts";

function problemsOf(text: string): string[] {
  try {
    parseRules(text);
  } catch (error) {
    if (error instanceof RulesFault) return error.problems;
    throw error;
  }
  return [];
}

test("an empty file changes nothing", () => {
  expect(parseRules("{}")).toEqual(BUILTIN_RULES);
});

test("the built-in rules are a valid file", () => {
  expect(parseRules(JSON.stringify(BUILTIN_RULES))).toEqual(BUILTIN_RULES);
});

test("a section replaces its built-in twin as a whole, the others stay", () => {
  const rules = parseRules('{"notify":[{"min_severity":"low","categories":["backup"]}],"categories":[]}');
  expect(rules.notify).toEqual([{ min_severity: "low", categories: ["backup"] }]);
  expect(rules.categories).toEqual([]);
  expect(rules.severities).toBe(BUILTIN_RULES.severities);
});

test("the example in the documentation is valid and does what the text says", async () => {
  const text = await Bun.file(`${import.meta.dir}/../../../../docs/inventory-rules.md`).text();
  const example = /```json\n([^]*?)```/.exec(text)?.[1] ?? "";
  const rules = openRules(parseRules(example));
  const change = (path: string) => ({
    pointer: "",
    fieldPath: path,
    changeType: "update" as const,
    previousValue: 1,
    currentValue: 2,
    rulePath: path.split("."),
    elements: [],
  });
  expect(rules.classify(change("facts.distro.version")).severity).toBe("critical");
  expect(rules.classify(change("facts.features.ha.role")).severity).toBe("high");
  expect(rules.classify(change("facts.timezone")).significant).toBe(false);
  expect(rules.notifies({ category: "backup", severity: "medium", significant: true })).toBe(true);
  expect(rules.notifies({ category: "os", severity: "high", significant: true })).toBe(false);
});

test("every fault is named with its place, its value and what is expected", () => {
  const problems = problemsOf(
    JSON.stringify({
      categories: [{ path: "facts.a", category: "colour" }, { category: "os" }, "x"],
      severities: [
        { path: "a..b", severity: "high" },
        { path: "a", severity: "low", change: [] },
        { path: "a", severity: "low", change: ["rename"] },
      ],
      significance: {},
      important: { severities: ["worst"], categories: [], changes: [] },
      numeric_change_percent: 0,
      notify: [{ min_severity: "high", colour: 1 }],
      extra: true,
    }),
  );
  expect(problems.toSorted()).toEqual([
    '/categories/0/category: "colour", expected one of modules, cluster, nodes, os, hardware, network, security, backup, features, services, custom, system',
    "/categories/1/path: missing, expected segments joined with dots, such as facts.modules.*.version",
    '/categories/2: "x", expected an object',
    "/extra: true, expected no such key",
    '/important/severities/0: "worst", expected one of low, medium, high, critical',
    "/notify/0/colour: 1, expected no such key",
    "/numeric_change_percent: 0, expected a number above 0, at most 1000",
    '/severities/0/path: "a..b", expected segments joined with dots, such as facts.modules.*.version, without empty segments',
    "/severities/1/change: [], expected a list of create, update, delete",
    '/severities/2/change/0: "rename", expected one of create, update, delete',
    "/significance: {}, expected a list",
  ]);
});

test.each([
  ["[]", "/: [], expected an object with the sections of the rules"],
  ["null", "/: null, expected an object with the sections of the rules"],
  ['{"notify": [}', 'not JSON: expected a value or ], found "}", at offset 12 (line 1, column 13)'],
  ["", "not JSON: the data ends where a value should follow, at offset 0 (line 1, column 1)"],
  [
    '{"categories":[{"path":"a.\\"b","category":"os"}]}',
    '/categories/0/path: "a.\\"b", expected segments joined with dots, such as facts.modules.*.version, without empty segments',
  ],
])("%s is refused: %s", (text, problem) => {
  expect(problemsOf(text)).toEqual([problem]);
});

test("the error's message lists all of them", () => {
  expect(() => parseRules('{"a":1,"b":2}')).toThrow(
    "the inventory rules have 2 faults:\n  /a: 1, expected no such key\n  /b: 2",
  );
});
