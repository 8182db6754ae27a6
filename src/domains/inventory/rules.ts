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
  "custom",
  "system",
] as const;
export type Category = (typeof CATEGORIES)[number];

/** From harmless to urgent. */
export const SEVERITIES = ["low", "medium", "high", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** `never` beats everything; `minor` means: only when important; `always`: whatever else was learned. No rule: significant. */
export const SIGNIFICANCES = ["never", "minor", "always"] as const;
export type Significance = (typeof SIGNIFICANCES)[number];

/** What a rule may ask the new value to be; texts match without regard to case. */
export type Scalar = string | number | boolean | null;

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
  /** Whether `notify` makes alerts at all, and when one that nobody resolved ends. */
  critical_change: { enabled: boolean; resolve_after_days: number };
}

export interface Classification {
  category: Category;
  severity: Severity;
  significant: boolean;
  /** Whether noise that was learned may fold it. */
  foldable: boolean;
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
      if (change.summarised !== undefined)
        return { category: "system", severity: "high", significant: true, foldable: false };
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
      return { category, severity, significant, foldable: rule !== "always" };
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

/**
 * A path pattern is segments joined with dots, matched without regard to case: a word is itself, `*` is any one segment,
 * `**` any number of them (also none), and a `*` inside a word is any characters of that segment. Elements of arrays are the
 * segment `[]`, which `*` matches. A segment that holds a dot is quoted, as in field paths.
 */
interface Pattern {
  segments: (string | RegExp | typeof ONE | typeof ANY)[];
  /** Compared from left to right, larger first: words, words with `*`, `*`, fewer `**`, named values, named change types. */
  specificity: number[];
}

const ONE = Symbol("one segment");
const ANY = Symbol("any segments");

interface PathRule {
  path: string;
  change?: ChangeType[];
  to?: Scalar[];
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

function compilePattern({ path, change, to }: PathRule): Pattern {
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
      to ? 1 : 0,
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
  { changeType, currentValue }: Pick<Change, "changeType" | "currentValue">,
): Rule | undefined {
  const takes = ({ change, to }: PathRule) =>
    (change?.includes(changeType) ?? true) && (to?.some((value) => isSame(value, currentValue)) ?? true);
  return rules.find(({ rule, pattern }) => takes(rule) && matches(pattern.segments, path))?.rule;
}

function isSame(expected: Scalar, value: JsonValue | undefined): boolean {
  if (typeof expected !== "string" || typeof value !== "string") return expected === value;
  return expected.length === value.length && expected.toLowerCase() === value.toLowerCase();
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
