// Decides what a change is about, how serious it is and whether it matters, from rules over the raw path.
import type { Change, ChangeType } from "../diff/diff.ts";
import { isExact, type JsonValue } from "../../../values/json/value.ts";
import { SEVERITIES } from "../../../values/severity.ts";
import type { Severity } from "../../../values/severity.ts";
import { compileRules, firstMatch } from "./match.ts";
import type { Scalar } from "./match.ts";

export const CATEGORIES = [
  "modules",
  "cluster",
  "nodes",
  "os",
  "hardware",
  "network",
  "security",
  "backup",
  "features",
  "services",
  "custom",
  "system",
] as const;
export type Category = (typeof CATEGORIES)[number];

/** `never` beats everything; `minor` means: only when important; `always`: whatever else was learned. No rule: significant. */
export const SIGNIFICANCES = ["never", "minor", "always"] as const;
export type Significance = (typeof SIGNIFICANCES)[number];

export interface RuleSet {
  categories: { path: string; category: Category }[];
  severities: { path: string; change?: ChangeType[]; to?: Scalar[]; severity: Severity }[];
  significance: { path: string; change?: ChangeType[]; significance: Significance }[];
  /** What makes a change important: any of the three. */
  important: { severities: Severity[]; categories: Category[]; changes: ChangeType[] };
  /** Where no severity rule matches, a number that changed by more than this is medium. */
  numeric_change_percent: number;
  /** A significant change becomes an alert when one entry takes it. */
  notify: { min_severity: Severity; categories?: Category[] }[];
  /** Turns the alerts of `notify` on, and says when one that nobody resolved ends. */
  critical_change: { enabled: boolean; resolve_after_days: number };
}

interface Classification {
  category: Category;
  severity: Severity;
  significant: boolean;
  /** Learned noise may suppress it. */
  suppressible: boolean;
}

export type Classified = Change & Classification & { partial: boolean };

export interface Rules {
  classify(change: Change): Classification;
  /** True when a value that changes at this rule path is never significant. */
  isNoise(rulePath: readonly string[]): boolean;
  /** True when a change that was classified becomes an alert. */
  notifies(change: { category: string; severity: string; significant?: boolean }): boolean;
}

export function openRules(ruleSet: RuleSet): Rules {
  const categories = compileRules(ruleSet.categories);
  const severities = compileRules(ruleSet.severities);
  const significance = compileRules(ruleSet.significance);
  const { important, numeric_change_percent: percent } = ruleSet;
  return {
    classify(change) {
      if (change.summarized !== undefined)
        return { category: "system", severity: "high", significant: true, suppressible: false };
      const path = change.rulePath.map((segment) => segment.toLowerCase());
      const type = change.changeType;
      const category = firstMatch(categories, path, change)?.category ?? "system";
      const severity =
        firstMatch(severities, path, change)?.severity ?? (changedByMoreThan(percent, change) ? "medium" : "low");
      const rule = firstMatch(significance, path, change)?.significance;
      const isImportant =
        important.severities.includes(severity) ||
        important.categories.includes(category) ||
        important.changes.includes(type);
      const significant = rule === undefined || rule === "always" || (rule === "minor" && isImportant);
      return { category, severity, significant, suppressible: rule !== "always" };
    },
    isNoise: (rulePath) =>
      firstMatch(
        significance,
        rulePath.map((segment) => segment.toLowerCase()),
        { changeType: "update", currentValue: undefined },
      )?.significance === "never",
    notifies: ({ category, severity, significant = true }) =>
      significant &&
      ruleSet.critical_change.enabled &&
      ruleSet.notify.some(
        (entry) =>
          rank(severity) >= rank(entry.min_severity) &&
          (!entry.categories || entry.categories.some((taken) => taken === category)),
      ),
  };
}

const rank = (severity: string) => SEVERITIES.findIndex((name) => name === severity);

/** Both values must read as numbers of one unit; from zero, any other number is more. */
export function changedByMoreThan(
  percent: number,
  { previousValue, currentValue }: Pick<Change, "previousValue" | "currentValue">,
): boolean {
  const from = quantityOf(previousValue);
  const to = quantityOf(currentValue);
  if (!from || !to || from.unit !== to.unit || from.number === to.number) return false;
  return from.number === 0 || (Math.abs(to.number - from.number) / Math.abs(from.number)) * 100 > percent;
}

/** A text is a quantity when all of it is a number, and perhaps a unit: "5 GB" is, an address, a version or a date is none. */
function quantityOf(value: JsonValue | undefined): { number: number; unit: string } | undefined {
  if (typeof value === "number") return { number: value, unit: "" };
  if (isExact(value)) return { number: Number(value.rawJSON), unit: "" };
  if (typeof value !== "string" || value.length > MAX_QUANTITY_LENGTH) return undefined;
  const [, number, unit = ""] = /^([-+]?\d+(?:\.\d+)?) ?([a-z]*|%)$/i.exec(value) ?? [];
  return number === undefined ? undefined : { number: Number(number), unit: unit.toLowerCase() };
}

const MAX_QUANTITY_LENGTH = 40;
