// Matches changes against rules over paths: the most specific rule that takes the change, found without asking all of them.
import type { Change, ChangeType } from "../diff/diff.ts";
import type { JsonValue } from "../../../values/json/value.ts";
import { parseFieldPath } from "../../../values/json/pointer.ts";

/** What a rule may ask the new value to be; texts match without regard to case. */
export type Scalar = string | number | boolean | null;

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

/** Of the rules, most specific first, those that a path's first two segments do not rule out. */
type Candidates<Rule> = (path: readonly string[]) => readonly Compiled<Rule>[];

/** Beginnings that are remembered, and the longest: documents choose them. */
const MAX_STARTS = 500;
const MAX_START_LENGTH = 100;

/** Rules of equal specificity keep their order (the sort is stable). */
export function compileRules<Rule extends PathRule>(rules: readonly Rule[]): Candidates<Rule> {
  const compiled = rules
    .map((rule) => ({ rule, pattern: compilePattern(rule) }))
    .sort((left, right) => compareSpecificity(right.pattern.specificity, left.pattern.specificity));
  const byStart = new Map<string, Compiled<Rule>[]>();
  return (path) => {
    const start = `${path[0]}\0${path[1]}`;
    if (start.length > MAX_START_LENGTH) return compiled;
    let found = byStart.get(start);
    if (!found) {
      if (byStart.size >= MAX_STARTS) byStart.clear();
      found = compiled.filter(({ pattern }) => mayMatch(pattern.segments, path));
      byStart.set(start, found);
    }
    return found;
  };
}

function mayMatch(segments: Pattern["segments"], path: readonly string[]): boolean {
  for (let at = 0; at < 2; at++) {
    const segment = segments[at];
    if (segment === ANY) return true;
    if (typeof segment === "string" && segment !== path[at]) return false;
  }
  return true;
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

export function firstMatch<Rule extends PathRule>(
  rules: Candidates<Rule>,
  path: string[],
  { changeType, currentValue }: Pick<Change, "changeType" | "currentValue">,
): Rule | undefined {
  const takes = ({ change, to }: PathRule) =>
    (change?.includes(changeType) ?? true) && (to?.some((value) => isSame(value, currentValue)) ?? true);
  return rules(path).find(({ rule, pattern }) => takes(rule) && matches(pattern.segments, path))?.rule;
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
