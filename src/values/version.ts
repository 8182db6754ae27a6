// Orders versions, the only order of them there is: dotted numbers, pre-releases, revisions, as appliances and distributions write them.

/** A part that sorts before the end of a version (`rc`), at its place by rank and text, or after it (words, numbers). */
type Part = { number: string } | { word: string } | { preRelease: number; word: string };

export interface Version {
  epoch: string;
  /** Up to the first dash: 8.6.0. Compared whole before anything behind it. */
  release: Part[];
  rest: Part[];
}

/** Undefined for a text that is no version: "latest", "Rocky Linux 9.6", more than 100 characters. */
export function parseVersion(text: string): Version | undefined {
  const match = FORM.exec(text.length > MAX_LENGTH ? "" : text.trim().toLowerCase());
  if (!match) return undefined;
  const [, epoch = "0", body = ""] = match;
  const [release = "", rest = ""] = splitOnce(withoutBuild(body));
  const first = partsOf(release, false);
  return { epoch, release: first, rest: partsOf(rest, !rest.startsWith("~") && /^.?\d/.test(rest)) };
}

/** Below 0 when left is older, above 0 when it is newer, 0 when they are the same release. */
export function compareVersions(left: Version, right: Version): number {
  return (
    compareNumbers(left.epoch, right.epoch) ||
    compareParts(left.release, right.release) ||
    compareParts(left.rest, right.rest)
  );
}

const MAX_LENGTH = 100;
/** An optional epoch, an optional v, and a digit first; no spaces inside. */
const FORM = /^(?:(\d+):)?v?(\d[^\s]*)$/;

/** What follows a plus names a build of the same version (8.6.0-dev+43d54cd33.2025). */
const withoutBuild = (text: string) => text.split("+", 1)[0] ?? "";

function splitOnce(text: string): [string, string] {
  const at = text.search(/[-~_]/);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at)];
}

/** Lowest first. Other words right behind a release, as semantic versioning has it, sort between beta and rc, by text. */
const PRE_RELEASES = new Map([
  ["nightly", 0],
  ["snapshot", 0],
  ["dev", 0],
  ["devel", 0],
  ["git", 0],
  ["alpha", 1],
  ["beta", 2],
  ["testing", 2],
  ["pre", 4],
  ["preview", 4],
  ["rc", 5],
]);
const OTHER_PRE_RELEASE = 3;
/** `1.0a1`: a single letter with a number behind it. Alone (`1.1.1w`) it is a patch. */
const SHORT_PRE_RELEASES = new Map([
  ["a", 1],
  ["b", 2],
  ["c", 5],
]);
const AFTER_RELEASE = new Set(["p", "pl", "patch", "post", "hotfix", "fix", "sp", "u", "update", "r", "rev", "build"]);
/** Says what it was built for or that it is final, not how new it is. */
const WITHOUT_ORDER =
  /(?<=^|[-._~])(?:amd64|x86_64|x86|i[3-6]86|arm64|aarch64|armv7l|armhf|riscv64|ppc64le|s390x|noarch|all|generic|cloud|common|final|ga|release|stable|lts)(?=$|[-._~])/g;

/** `isRevision`: behind a numbered revision (6.1.0-37-foo) an unknown word is newer than nothing, else it is a pre-release. */
function partsOf(text: string, isRevision: boolean): Part[] {
  const tokens = text.replace(WITHOUT_ORDER, "").match(/\d+|[^\d\W_]+|~/g) ?? [];
  const isInline = text !== "" && !/^[-~_]/.test(text);
  let isTilde = false;
  let isFirst = true;
  const parts: Part[] = [];
  for (const [at, token] of tokens.entries()) {
    if (token === "~") {
      isTilde = true;
      continue;
    }
    parts.push(/^\d/.test(token) ? { number: token } : wordOf(token, /^\d/.test(tokens[at + 1] ?? "")));
    isTilde = isFirst = false;
  }
  return parts;

  function wordOf(word: string, isNumbered: boolean): Part {
    const rank = PRE_RELEASES.get(word) ?? (isNumbered && isInline ? SHORT_PRE_RELEASES.get(word) : undefined);
    if (rank !== undefined) return { preRelease: rank, word: "" };
    const isUnknownSuffix = isFirst && !isInline && !isRevision && !AFTER_RELEASE.has(word);
    return isTilde || isUnknownSuffix ? { preRelease: OTHER_PRE_RELEASE, word } : { word };
  }
}

/** What a missing part counts as: 8.6 is 8.6.0, 8.6.0-rc is older, 8.6.0-1 newer. */
const END: Part = { number: "0" };

function compareParts(left: Part[], right: Part[]): number {
  for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
    const order = comparePart(left[at] ?? END, right[at] ?? END);
    if (order !== 0) return order;
  }
  return 0;
}

function comparePart(left: Part, right: Part): number {
  if ("preRelease" in left || "preRelease" in right) {
    if (!("preRelease" in right)) return -1;
    if (!("preRelease" in left)) return 1;
    return left.preRelease - right.preRelease || compareTexts(left.word, right.word);
  }
  if ("number" in left && "number" in right) return compareNumbers(left.number, right.number);
  if ("word" in left && "word" in right) return compareTexts(left.word, right.word);
  return "word" in left ? compareWordWithNumber(right) : -compareWordWithNumber(left);
}

/** A letter patch is newer than the bare release (1.1.1w, 1.1.1) and older than a number in its place (1.1.1.1). */
const compareWordWithNumber = (number: Part) => ("number" in number && /^0*$/.test(number.number) ? 1 : -1);

/** Digits of any length: a build date can be beyond what a double holds. */
function compareNumbers(left: string, right: string): number {
  const [a, b] = [left.replace(/^0+/, ""), right.replace(/^0+/, "")];
  return a.length - b.length || compareTexts(a, b);
}

const compareTexts = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0);
