// Decides what a change is about, how serious it is and whether it matters, from rules over the raw path.
import type { Change, ChangeType } from "./diff.ts";
import { isExact, type JsonValue } from "./json.ts";
import { parseFieldPath } from "./pointer.ts";

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
  "system",
] as const;
export type Category = (typeof CATEGORIES)[number];

/** From harmless to urgent. */
export const SEVERITIES = ["low", "medium", "high", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** `never` beats everything; `minor` means: only when important; `always`: also when nothing else says so. */
export const SIGNIFICANCES = ["never", "minor", "always"] as const;
export type Significance = (typeof SIGNIFICANCES)[number];

export interface RuleSet {
  categories: { path: string; category: Category }[];
  severities: { path: string; change?: ChangeType[]; severity: Severity }[];
  significance: { path: string; change?: ChangeType[]; significance: Significance }[];
  /** What makes a change important: any of the three. */
  important: { severities: Severity[]; categories: Category[]; changes: ChangeType[] };
  /** Where no severity rule matches, a number that changed by more than this is medium. */
  numeric_change_percent: number;
  /** A significant change becomes an alert when one entry takes it. */
  notify: { min_severity: Severity; categories?: Category[] }[];
  /** Whether `notify` makes alerts at all, and when one that nobody resolved ends. */
  critical_change: { enabled: boolean; resolve_after_days: number };
}

export interface Classification {
  category: Category;
  severity: Severity;
  significant: boolean;
}

export type Classified = Change & Classification & { partial: boolean };

export interface Rules {
  classify(change: Change): Classification;
  /** Whether a value that changes at this rule path is never significant. */
  isNoise(rulePath: readonly string[]): boolean;
  /** Whether a change that was classified becomes an alert. */
  notifies(change: { category: string; severity: string; significant?: boolean }): boolean;
}

export function openRules(ruleSet: RuleSet): Rules {
  const categories = compileRules(ruleSet.categories);
  const severities = compileRules(ruleSet.severities);
  const significance = compileRules(ruleSet.significance);
  const { important, numeric_change_percent: percent } = ruleSet;
  return {
    classify(change) {
      if (change.summarised !== undefined) return { category: "system", severity: "high", significant: true };
      const path = change.rulePath.map((segment) => segment.toLowerCase());
      const type = change.changeType;
      const category = firstMatch(categories, path, type)?.category ?? "system";
      const severity =
        firstMatch(severities, path, type)?.severity ?? (changedByMoreThan(percent, change) ? "medium" : "low");
      const rule = firstMatch(significance, path, type)?.significance ?? "always";
      const isImportant =
        important.severities.includes(severity) ||
        important.categories.includes(category) ||
        important.changes.includes(type);
      return { category, severity, significant: rule === "always" || (rule === "minor" && isImportant) };
    },
    isNoise: (rulePath) =>
      firstMatch(
        significance,
        rulePath.map((segment) => segment.toLowerCase()),
        "update",
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

/**
 * A path pattern is segments joined with dots, matched without regard to case: a word is itself, `*` is any one segment,
 * `**` any number of them (also none), and a `*` inside a word is any characters of that segment. Elements of arrays are the
 * segment `[]`, which `*` matches. A segment that holds a dot is quoted, as in field paths.
 */
interface Pattern {
  segments: (string | RegExp | typeof ONE | typeof ANY)[];
  /** Compared from left to right, larger first: words, words with `*`, `*`, fewer `**`, named change types. */
  specificity: number[];
}

const ONE = Symbol("one segment");
const ANY = Symbol("any segments");

interface PathRule {
  path: string;
  change?: ChangeType[];
}

interface Compiled<Rule> {
  rule: Rule;
  pattern: Pattern;
}

/** Most specific first; rules of equal specificity keep their order (the sort is stable). */
function compileRules<Rule extends PathRule>(rules: readonly Rule[]): Compiled<Rule>[] {
  return rules
    .map((rule) => ({ rule, pattern: compilePattern(rule) }))
    .sort((left, right) => compareSpecificity(right.pattern.specificity, left.pattern.specificity));
}

function compilePattern({ path, change }: PathRule): Pattern {
  const segments = parseFieldPath(path.toLowerCase()).map((segment) => {
    if (segment === "**") return ANY;
    if (segment === "*") return ONE;
    return segment.includes("*") ? globOf(segment) : segment;
  });
  const count = (test: (segment: Pattern["segments"][number]) => boolean) => segments.filter(test).length;
  return {
    segments,
    specificity: [
      count((segment) => typeof segment === "string"),
      count((segment) => segment instanceof RegExp),
      count((segment) => segment === ONE),
      -count((segment) => segment === ANY),
      change ? 1 : 0,
    ],
  };
}

const globOf = (segment: string) =>
  new RegExp(
    `^${segment
      .split(/\*+/)
      .map((word) => word.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"))
      .join("[^]*")}$`,
  );

function compareSpecificity(left: number[], right: number[]): number {
  const at = left.findIndex((value, index) => value !== right[index]);
  return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}

function firstMatch<Rule extends PathRule>(
  rules: Compiled<Rule>[],
  path: string[],
  type: ChangeType,
): Rule | undefined {
  return rules.find(({ rule, pattern }) => (rule.change?.includes(type) ?? true) && matches(pattern.segments, path))
    ?.rule;
}

/** Linear for one `**`; on a mismatch only the last `**` takes one more segment, as in any glob, so never exponential. */
function matches(segments: Pattern["segments"], path: string[]): boolean {
  let at = 0;
  let step = 0;
  let retryAt = -1;
  let retryStep = -1;
  while (at < path.length) {
    const segment = segments[step];
    if (segment === ANY) {
      retryStep = ++step;
      retryAt = at;
    } else if (segment !== undefined && matchesOne(segment, path[at] ?? "")) {
      at++;
      step++;
    } else if (retryStep >= 0) {
      at = ++retryAt;
      step = retryStep;
    } else return false;
  }
  while (segments[step] === ANY) step++;
  return step === segments.length;
}

function matchesOne(segment: Pattern["segments"][number], text: string): boolean {
  if (typeof segment === "string") return segment === text;
  return segment instanceof RegExp ? segment.test(text) : segment === ONE;
}

/** Both values must read as numbers; from zero, any other number is more. */
export function changedByMoreThan(
  percent: number,
  { previousValue, currentValue }: Pick<Change, "previousValue" | "currentValue">,
): boolean {
  const from = numberOf(previousValue);
  const to = numberOf(currentValue);
  if (from === undefined || to === undefined || from === to) return false;
  return from === 0 || (Math.abs(to - from) / Math.abs(from)) * 100 > percent;
}

/** A string counts with its leading number: "5 GB" is 5, "1.2.3" is 1.2, "-" is 0. */
function numberOf(value: JsonValue | undefined): number | undefined {
  if (typeof value === "number") return value;
  if (isExact(value)) return Number(value.rawJSON);
  if (typeof value !== "string" || !/^[-+\d]/.test(value)) return undefined;
  return Number(/^[-+]?\d+(?:\.\d+)?/.exec(value)?.[0] ?? 0);
}
