// The rules file: an operator's text is taken, or every fault in it is named.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { BUILTIN_RULES } from "../../src/domains/inventory/rules/builtin-rules.ts";
import { RulesFault, parseRules } from "../../src/domains/inventory/rules/file.ts";
import { FUZZ_MS, anyText, forAll } from "../support/fuzz.ts";

function faultsOf(text: string): string[] {
  try {
    parseRules(text);
    return [];
  } catch (error) {
    if (!(error instanceof RulesFault)) throw error;
    expect(error.problems.length).toBeGreaterThan(0);
    for (const problem of error.problems) expect(problem.length).toBeGreaterThan(5);
    return error.problems;
  }
}

test(
  "any text is taken or its faults are named",
  () => forAll(anyText("{", "}", "[", "]", ",", ":"), (text) => void faultsOf(text)),
  FUZZ_MS,
);

test(
  "rules with one place put wrong are taken or the fault is named",
  () => {
    const sections = Object.keys(BUILTIN_RULES) as (keyof typeof BUILTIN_RULES)[];
    forAll(
      fc.tuple(
        fc.constantFrom(...sections),
        fc.nat({ max: 20 }),
        fc.oneof(fc.jsonValue({ maxDepth: 3 }), anyText("(", "**", "[")),
      ),
      ([section, place, value]) => {
        const rules = JSON.parse(JSON.stringify({ [section]: BUILTIN_RULES[section] })) as Record<string, unknown>;
        const target = rules[section];
        if (Array.isArray(target) && target.length > 0) target[place % target.length] = value;
        else rules[section] = value;
        faultsOf(JSON.stringify(rules));
      },
    );
  },
  FUZZ_MS,
);
