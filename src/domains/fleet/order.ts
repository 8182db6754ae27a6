// Order of values for `<` and its kin: numbers as numbers, texts as versions, segment by segment.

/** Negative, zero or positive; undefined when the two cannot be compared. `stored` is JSON text. */
export function compareValue(stored: string, operand: string): number | undefined {
  if (!stored.startsWith('"')) return compareNumbers(stored, operand);
  const text = String(JSON.parse(stored));
  return isVersion(text) && isVersion(operand) ? compareVersions(text, operand) : undefined;
}

function compareNumbers(stored: string, operand: string): number | undefined {
  const [left, right] = [Number(stored), operand.trim() === "" ? Number.NaN : Number(operand)];
  // true, false and null are no numbers, though JavaScript would make some of two of them.
  if (!/^-?\d/.test(stored) || Number.isNaN(right)) return undefined;
  return left - right;
}

/** `8.6.0`, `v12`, `6.1.0-37-amd64`, `8.7.0-rc.1+build5`: begins with a number, perhaps after a `v`. */
const isVersion = (text: string) => /^v?\d/i.test(text);

/**
 * Dotted numbers are compared one by one, a missing one is 0. What follows the first hyphen is compared the same way, words
 * as words and below numbers; a version without it comes after its pre-releases (`8.7.0-rc.1` < `8.7.0`) and before its
 * builds (`6.1.0` < `6.1.0-37`). What follows a plus sign does not count.
 */
export function compareVersions(left: string, right: string): number {
  const [one, other] = [splitVersion(left), splitVersion(right)];
  const release = compareParts(one.release, other.release, "0");
  if (release !== 0) return release;
  if (one.rest.length === 0 || other.rest.length === 0) return weightOf(one.rest) - weightOf(other.rest);
  return compareParts(one.rest, other.rest, "");
}

const weightOf = (rest: string[]) => (rest.length === 0 ? 0 : /^\d/.test(rest[0] ?? "") ? 1 : -1);

function splitVersion(text: string): { release: string[]; rest: string[] } {
  const [core = ""] = text.replace(/^v/i, "").split("+");
  const at = core.search(/[-~ ]/);
  if (at < 0) return { release: core.split("."), rest: [] };
  return { release: core.slice(0, at).split("."), rest: core.slice(at + 1).split(/[.\-~ ]/) };
}

function compareParts(left: string[], right: string[], absent: string): number {
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const order = comparePart(left[at] ?? absent, right[at] ?? absent);
    if (order !== 0) return order;
  }
  return 0;
}

function comparePart(left: string, right: string): number {
  const [one, other] = [/^\d+$/.test(left), /^\d+$/.test(right)];
  if (one && other) return compareDigits(left, right);
  if (one !== other) return one ? 1 : -1;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Of any length: a date and time written without separators is beyond what a double holds. */
function compareDigits(left: string, right: string): number {
  const [one, other] = [left.replace(/^0+(?=\d)/, ""), right.replace(/^0+(?=\d)/, "")];
  return one.length - other.length || (one < other ? -1 : one > other ? 1 : 0);
}
