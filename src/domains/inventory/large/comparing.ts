// Compares here what is small, and on the other thread what is large, by the rules of the moment.
import { compareTexts } from "../rules/compare.ts";
import type { ComparedChange } from "../rules/compare.ts";
import { LARGE_BYTES } from "./thread.ts";
import type { LargeDocuments } from "./thread.ts";
import type { Rules, RuleSet } from "../rules/rules.ts";

export type Compare = (previousText: string, currentText: string) => Promise<ComparedChange[]>;

export interface CompareDeps {
  rules: { rules: Rules; ruleSet(): RuleSet };
  large: Pick<LargeDocuments, "compare">;
}

export function openCompare({ rules, large }: CompareDeps): Compare {
  return async (previous, current) =>
    previous.length + current.length > 2 * LARGE_BYTES
      ? large.compare({ previous, current, ruleSet: rules.ruleSet() })
      : compareTexts(previous, current, rules.rules);
}
