// Prints values as Go's fmt.Sprint, Sprintln and Sprintf do, with Sprintf's error texts for what does not fit.
import { NO_FLAGS, formatValue } from "./format.ts";
import type { Flags } from "./format.ts";
import { MAX_TEXT_BYTES, fail, isInvalid, runesOf, toBytes } from "../source.ts";
import { Byte, StringMap, goTypeOf } from "../value.ts";
import type { Value } from "../value.ts";

/** As fmt.Sprint: blanks between operands of which neither is a string. */
export function sprint(args: readonly Value[]): string {
  let text = "";
  let wasString = true;
  for (const arg of args) {
    const isString = typeof arg === "string";
    text += `${isString || wasString ? "" : " "}${formatValue(arg, "v", NO_FLAGS)}`;
    wasString = isString;
  }
  return text;
}

export const sprintln = (args: readonly Value[]): string =>
  `${args.map((arg) => formatValue(arg, "v", NO_FLAGS)).join(" ")}\n`;

/** Go takes widths and precisions up to this; a longer number ends the pattern. */
const MAX_NUMBER = 1_000_000;

/** Bytes that one call may look at: a pattern can name a long argument again and again and print nothing of it. */
const MAX_WORK_BYTES = 16 * MAX_TEXT_BYTES;

/** Where a pattern is read, and which argument comes next. */
interface Reading {
  at: number;
  next: number;
  /** Some verb chose its argument by number: then arguments that are left over are no fault. */
  isReordered: boolean;
  workBytes: number;
}

export function sprintf(pattern: string, args: readonly Value[]): string {
  const reading: Reading = { at: 0, next: 0, isReordered: false, workBytes: 0 };
  let text = "";
  while (reading.at < pattern.length) {
    if (text.length > MAX_TEXT_BYTES) fail(`printf makes more than ${MAX_TEXT_BYTES} bytes`);
    if (reading.workBytes > MAX_WORK_BYTES) fail(`printf looks at more than ${MAX_WORK_BYTES} bytes`);
    const percent = pattern.indexOf("%", reading.at);
    text += pattern.slice(reading.at, percent === -1 ? pattern.length : percent);
    if (percent === -1) break;
    reading.at = percent + 1;
    text += printOne(pattern, args, reading);
  }
  if (reading.isReordered || reading.next >= args.length) return text;
  const extra = args
    .slice(reading.next)
    .map((arg) => (arg === undefined ? "<nil>" : `${goTypeOf(arg)}=${formatValue(arg, "v", NO_FLAGS)}`));
  return `${text}%!(EXTRA ${extra.join(", ")})`;
}

/** From after a percent sign until after its verb. */
function printOne(pattern: string, args: readonly Value[], reading: Reading): string {
  const flags = readFlags(pattern, reading);
  let text = "";
  let isGoodIndex = true;
  let afterIndex = readIndex();

  if (pattern[reading.at] === "*") {
    reading.at += 1;
    const width = readStar(args, reading);
    if (width === undefined) text += "%!(BADWIDTH)";
    flags.width = width === undefined ? undefined : bounded(Math.abs(width));
    if (width !== undefined && width < 0) {
      flags.minus = true;
      flags.zero = false;
    }
    afterIndex = false;
  } else {
    flags.width = readDigits(pattern, reading);
    if (afterIndex && flags.width !== undefined) isGoodIndex = false;
  }
  // A point that ends the pattern is read as the verb.
  if (pattern[reading.at] === "." && reading.at + 1 < pattern.length) {
    reading.at += 1;
    if (afterIndex) isGoodIndex = false;
    afterIndex = readIndex();
    if (pattern[reading.at] === "*") {
      reading.at += 1;
      const precision = readStar(args, reading);
      flags.precision = precision === undefined || precision < 0 ? undefined : bounded(precision);
      if (flags.precision === undefined) text += "%!(BADPREC)";
      afterIndex = false;
    } else flags.precision = readDigits(pattern, reading) ?? 0;
  }
  if (!afterIndex) readIndex();
  if (reading.at >= pattern.length) return `${text}%!(NOVERB)`;

  const [rune] = runesOf(pattern.slice(reading.at, reading.at + 4));
  const length = rune?.bytes.length ?? 1;
  const verb = !rune || isInvalid(rune) ? toBytes("\ufffd") : rune.bytes;
  reading.at += length;
  if (verb === "%") return `${text}%`;
  if (!isGoodIndex) return `${text}%!${verb}(BADINDEX)`;
  if (reading.next >= args.length) return `${text}%!${verb}(MISSING)`;
  const arg = args[reading.next];
  reading.next += 1;
  reading.workBytes += arg instanceof StringMap ? arg.bytes : typeof arg === "string" ? arg.length : 0;
  return text + formatValue(arg, verb, verb === "v" || verb === "w" ? forValue(flags) : flags);

  /** Reads `[n]`; true where the brackets hold a number, be it one that no argument has. */
  function readIndex(): boolean {
    if (pattern[reading.at] !== "[") return false;
    reading.isReordered = true;
    // The shortest is `[n]`.
    const close = reading.at + 3 > pattern.length ? -1 : pattern.indexOf("]", reading.at);
    const index = close === -1 ? undefined : indexBetween(pattern, reading.at + 1, close);
    reading.at = close === -1 ? reading.at + 1 : close + 1;
    if (index !== undefined && index >= 1 && index <= args.length) reading.next = index - 1;
    else isGoodIndex = false;
    return index !== undefined;
  }
}

/** %+v and %#v ask for another form of the whole, not for a sign or a prefix. */
const forValue = (flags: Flags): Flags => ({ ...flags, sharpV: flags.sharp, sharp: false, plus: false });

function readFlags(pattern: string, reading: Reading): Flags {
  const flags = { ...NO_FLAGS };
  for (; ; reading.at += 1) {
    switch (pattern[reading.at]) {
      case "#":
        flags.sharp = true;
        break;
      case "0":
        flags.zero = true;
        break;
      case "+":
        flags.plus = true;
        break;
      case "-":
        flags.minus = true;
        break;
      case " ":
        flags.space = true;
        break;
      default:
        return flags;
    }
  }
}

function indexBetween(pattern: string, from: number, to: number): number | undefined {
  const inside: Reading = { at: from, next: 0, isReordered: false, workBytes: 0 };
  const index = readDigits(pattern.slice(0, to), inside, Infinity);
  return inside.at === to ? index : undefined;
}

/** The number that an argument gives. */
function readStar(args: readonly Value[], reading: Reading): number | undefined {
  if (reading.next >= args.length) return undefined;
  const arg = args[reading.next];
  reading.next += 1;
  const value = typeof arg === "bigint" ? Number(arg) : arg instanceof Byte ? arg.value : NaN;
  return Math.abs(value) <= MAX_NUMBER ? value : undefined;
}

/** A number too large for Go takes all that follows with it. */
function readDigits(pattern: string, reading: Reading, most = MAX_TEXT_BYTES): number | undefined {
  let number: number | undefined;
  for (; reading.at < pattern.length; reading.at += 1) {
    const digit = pattern.charCodeAt(reading.at) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    if ((number ?? 0) > MAX_NUMBER) {
      reading.at = pattern.length;
      return undefined;
    }
    number = (number ?? 0) * 10 + digit;
  }
  return number === undefined ? undefined : bounded(number, most);
}

/** What a wider column would make is too long here. */
const bounded = (width: number, most = MAX_TEXT_BYTES) =>
  width <= most ? width : fail(`a width or precision beyond ${most}`);
