// Go's fmt for the values that a template knows: Sprint, Sprintln and Sprintf with its verbs, flags and complaints.
import { formatFloat } from "./number.ts";
import {
  MAX_TEXT_BYTES,
  countRunes,
  fail,
  fromBytes,
  hex,
  isInvalid,
  isPrintable,
  quote,
  runesOf,
  toBytes,
} from "./source.ts";
import { Byte, Labels, goTypeOf } from "./value.ts";
import type { Value } from "./value.ts";

interface Flags {
  plus: boolean;
  minus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  /** %+v and %#v. */
  plusV: boolean;
  sharpV: boolean;
  width: number | undefined;
  precision: number | undefined;
}

const NO_FLAGS: Flags = {
  plus: false,
  minus: false,
  sharp: false,
  space: false,
  zero: false,
  plusV: false,
  sharpV: false,
  width: undefined,
  precision: undefined,
};

/** As fmt.Sprint: blanks between operands of which neither is a string. */
export function sprint(args: readonly Value[]): string {
  let text = "";
  let wasString = true;
  for (const arg of args) {
    const isString = typeof arg === "string";
    text += `${text !== "" || args[0] !== arg ? (isString || wasString ? "" : " ") : ""}${formatValue(arg, "v", NO_FLAGS)}`;
    wasString = isString;
  }
  return text;
}

export const sprintln = (args: readonly Value[]): string =>
  `${args.map((arg) => formatValue(arg, "v", NO_FLAGS)).join(" ")}\n`;

/** Go takes larger widths and precisions, up to about 10,000,000; what they would make is too long here. */
const MAX_WIDTH = MAX_TEXT_BYTES;

export function sprintf(pattern: string, args: readonly Value[]): string {
  let text = "";
  let next = 0;
  let isReordered = false;
  for (let at = 0; at < pattern.length;) {
    if (text.length > MAX_TEXT_BYTES) fail(`printf makes more than ${MAX_TEXT_BYTES} bytes`);
    const percent = pattern.indexOf("%", at);
    if (percent === -1) return finish(text + pattern.slice(at));
    text += pattern.slice(at, percent);
    at = percent + 1;
    const flags = { ...NO_FLAGS };
    isReordered = false;
    let isGoodIndex = true;
    let afterIndex = false;

    const readIndex = () => {
      if (pattern[at] !== "[") return;
      isReordered = true;
      const close = pattern.indexOf("]", at);
      const inside = close === -1 ? undefined : pattern.slice(at + 1, close);
      const index = inside !== undefined && /^[0-9]+$/.test(inside) ? Number(inside) : NaN;
      if (index >= 1 && index <= args.length) {
        next = index - 1;
        afterIndex = true;
      } else isGoodIndex = false;
      at = close === -1 ? at + 1 : close + 1;
    };
    const readStar = (): number | undefined => {
      const arg = next < args.length ? args[next] : undefined;
      if (next < args.length) next += 1;
      const value = typeof arg === "bigint" ? Number(arg) : arg instanceof Byte ? arg.value : NaN;
      return Number.isNaN(value) ? undefined : bounded(value);
    };
    const readDigits = (): number | undefined => {
      const digits = /^[0-9]+/.exec(pattern.slice(at, at + 20))?.[0];
      if (digits === undefined) return undefined;
      at += digits.length;
      return bounded(Number(digits));
    };

    for (; "#0+- ".includes(pattern[at] ?? "x"); at += 1) {
      if (pattern[at] === "#") flags.sharp = true;
      else if (pattern[at] === "0") flags.zero = true;
      else if (pattern[at] === "+") flags.plus = true;
      else if (pattern[at] === "-") flags.minus = true;
      else flags.space = true;
    }
    readIndex();
    if (pattern[at] === "*") {
      at += 1;
      flags.width = readStar();
      if (flags.width === undefined) text += "%!(BADWIDTH)";
      else if (flags.width < 0) {
        flags.width = -flags.width;
        flags.minus = true;
        flags.zero = false;
      }
      afterIndex = false;
    } else {
      flags.width = readDigits();
      if (afterIndex && flags.width !== undefined) isGoodIndex = false;
    }
    if (pattern[at] === ".") {
      at += 1;
      if (afterIndex) isGoodIndex = false;
      readIndex();
      if (pattern[at] === "*") {
        at += 1;
        const precision = readStar();
        flags.precision = precision === undefined || precision < 0 ? undefined : precision;
        if (flags.precision === undefined) text += "%!(BADPREC)";
        afterIndex = false;
      } else flags.precision = readDigits() ?? 0;
    }
    if (!afterIndex) readIndex();
    if (at >= pattern.length) {
      text += "%!(NOVERB)";
      break;
    }
    const [rune] = runesOf(pattern.slice(at, at + 4));
    const verb = rune?.bytes ?? "";
    at += verb.length;
    if (verb === "%") text += "%";
    else if (!isGoodIndex) text += `%!${verb}(BADINDEX)`;
    else if (next >= args.length) text += `%!${verb}(MISSING)`;
    else {
      if (verb === "v") {
        flags.sharpV = flags.sharp;
        flags.plusV = flags.plus;
        flags.sharp = flags.plus = false;
      }
      text += formatValue(args[next], verb, flags);
      next += 1;
    }
  }
  return finish(text);

  function finish(done: string): string {
    if (isReordered || next >= args.length) return done;
    const extra = args
      .slice(next)
      .map((arg) => (arg === undefined ? "<nil>" : `${goTypeOf(arg)}=${formatValue(arg, "v", NO_FLAGS)}`));
    return `${done}%!(EXTRA ${extra.join(", ")})`;
  }
}

const bounded = (width: number) =>
  Math.abs(width) <= MAX_WIDTH ? width : fail(`a width or precision beyond ${MAX_WIDTH}`);

/** One value by one verb. */
export function formatValue(value: Value, verb: string, flags: Flags): string {
  if (value === undefined) return verb === "v" || verb === "T" ? pad("<nil>", flags) : `%!${verb}(<nil>)`;
  if (verb === "T") return formatString(goTypeOf(value), "s", flags) ?? "";
  const text = formatKnown(value, verb, flags);
  return text ?? `%!${verb}(${goTypeOf(value)}=${formatKnown(value, "v", flags) ?? ""})`;
}

/** Undefined when the verb is not one for such a value. */
function formatKnown(value: Exclude<Value, undefined>, verb: string, flags: Flags): string | undefined {
  if (typeof value === "string") return formatString(value, verb, flags);
  if (typeof value === "bigint") return formatInteger(value, verb, flags, true);
  if (typeof value === "number") return formatNumber(value, verb, flags);
  if (typeof value === "boolean") return verb === "t" || verb === "v" ? pad(String(value), flags) : undefined;
  if (value instanceof Byte) return formatInteger(BigInt(value.value), verb, flags, false);
  return verb === "p" ? fail("%p shows an address, which is never twice the same") : formatLabels(value, verb, flags);
}

function formatLabels(labels: Labels, verb: string, flags: Flags): string {
  const entries = labels
    .entries()
    .map(([name, text]) => `${formatValue(name, verb, flags)}:${formatValue(text, verb, flags)}`);
  return flags.sharpV ? `map[string]string{${entries.join(", ")}}` : `map[${entries.join(" ")}]`;
}

function pad(text: string, { width = 0, minus, zero }: Flags): string {
  if (width === 0) return text;
  const missing = width - countRunes(text);
  if (missing <= 0) return text;
  return minus ? text + " ".repeat(missing) : (zero ? "0" : " ").repeat(missing) + text;
}

function formatString(text: string, verb: string, flags: Flags): string | undefined {
  const cut = () =>
    flags.precision === undefined
      ? text
      : runesOf(text)
          .slice(0, flags.precision)
          .map((one) => one.bytes)
          .join("");
  if (verb === "s" || (verb === "v" && !flags.sharpV)) return pad(cut(), flags);
  if (verb === "x" || verb === "X") return formatHexadecimal(text, verb, flags);
  if (verb !== "q" && verb !== "v") return undefined;
  const short = cut();
  return pad(flags.sharp && canBackquote(short) ? `\`${short}\`` : quote(short, '"', flags.plus), flags);
}

const canBackquote = (text: string) =>
  runesOf(text).every(
    (one) =>
      !isInvalid(one) &&
      one.rune !== 0xfeff &&
      one.rune !== 0x60 &&
      one.rune !== 0x7f &&
      (one.rune >= 0x20 || one.rune === 9),
  );

function formatHexadecimal(text: string, verb: string, flags: Flags): string {
  const bytes = [...text.slice(0, flags.precision)].map((one) => hex(one.charCodeAt(0), 2));
  const prefix = flags.sharp ? "0x" : "";
  const joined = flags.space
    ? bytes.map((one) => prefix + one).join(" ")
    : bytes.length > 0
      ? prefix + bytes.join("")
      : "";
  return pad(verb === "X" ? joined.toUpperCase() : joined, flags);
}

const BASES: Record<string, number> = { v: 10, d: 10, b: 2, o: 8, O: 8, x: 16, X: 16 };

function formatInteger(value: bigint, verb: string, flags: Flags, isSigned: boolean): string | undefined {
  const rune = value >= 0n && value <= 0x10ffffn && !(value >= 0xd800n && value <= 0xdfffn) ? Number(value) : 0xfffd;
  const bytes = toBytes(String.fromCodePoint(rune));
  if (verb === "c") return pad(bytes, flags);
  if (verb === "q") return pad(quote(bytes, "'", flags.plus), flags);
  if (verb === "U") return formatCodePoint(value, bytes, rune, flags);
  if (verb === "v" && flags.sharpV && !isSigned) return formatInteger(value, "x", { ...flags, sharp: true }, isSigned);
  const base = BASES[verb];
  if (base === undefined) return undefined;
  const isNegative = value < 0n;
  if (flags.precision === 0 && value === 0n) return pad("", { ...flags, zero: false });
  const sign = isNegative ? "-" : flags.plus || flags.plusV ? "+" : flags.space ? " " : "";
  const isZeroPadded = flags.precision === undefined && flags.zero && !flags.minus && flags.width !== undefined;
  const least = flags.precision ?? (isZeroPadded ? (flags.width ?? 0) - sign.length : 0);
  let digits = (isNegative ? -value : value).toString(base).padStart(least, "0");
  if (flags.sharp && base === 2) digits = `0b${digits}`;
  if (flags.sharp && base === 8 && !digits.startsWith("0")) digits = `0${digits}`;
  if (flags.sharp && base === 16) digits = `0x${digits}`;
  if (verb === "O") digits = `0o${digits}`;
  return pad(sign + (verb === "X" ? digits.toUpperCase() : digits), { ...flags, zero: false });
}

function formatCodePoint(value: bigint, bytes: string, rune: number, flags: Flags): string {
  const digits = BigInt.asUintN(64, value)
    .toString(16)
    .toUpperCase()
    .padStart(Math.max(flags.precision ?? 4, 4), "0");
  const shown = flags.sharp && value <= 0x10ffffn && isPrintable(rune) ? ` '${bytes}'` : "";
  return pad(`U+${digits}${shown}`, { ...flags, zero: false });
}

const PRECISIONS: Record<string, number> = { v: -1, g: -1, G: -1, e: 6, E: 6, f: 6, F: 6 };

function formatNumber(value: number, verb: string, flags: Flags): string | undefined {
  if ("bxX".includes(verb)) fail(`%${verb} of a number with a point is not known here`);
  const precision = PRECISIONS[verb];
  if (precision === undefined) return undefined;
  if (flags.sharp) fail("%# of a number with a point is not known here");
  const number = formatFloat(value, verb === "v" ? "g" : verb, flags.precision ?? precision);
  const isNegative = number.startsWith("-");
  const plain = isNegative ? number.slice(1) : number;
  const sign = isNegative ? "-" : flags.plus || flags.plusV ? "+" : flags.space ? " " : "";
  if (sign !== "" && flags.zero && !flags.minus && flags.width !== undefined)
    return sign + plain.padStart(flags.width - 1, "0");
  return pad(sign + plain, flags);
}

/** For %v of what is printed by an action. */
export const plainText = (value: Value): string =>
  value === undefined ? "<no value>" : formatValue(value, "v", NO_FLAGS);

export const escapeUrl = (bytes: string): string =>
  bytes.replace(/[^A-Za-z0-9_.~-]/g, (one) => (one === " " ? "+" : `%${hex(one.charCodeAt(0), 2).toUpperCase()}`));

const HTML: Record<string, string> = {
  "&": "&amp;",
  "'": "&#39;",
  '"': "&#34;",
  "<": "&lt;",
  ">": "&gt;",
  "\0": toBytes("\ufffd"),
};

export const escapeHtml = (bytes: string): string => bytes.replace(/[&'"<>\0]/g, (one) => HTML[one] ?? one);

const SCRIPT: Record<string, string> = { "\\": "\\\\", "'": "\\'", '"': '\\"' };

export function escapeScript(bytes: string): string {
  return runesOf(bytes)
    .map((one) => {
      const character = fromBytes(one.bytes);
      const known = SCRIPT[character];
      if (known) return known;
      if (/^[<>&=]$/.test(character) || one.rune < 0x20 || (one.rune >= 0x80 && !isPrintable(one.rune)))
        return `\\u${hex(one.rune, 4).toUpperCase()}`;
      return isInvalid(one) ? toBytes("\ufffd") : one.bytes;
    })
    .join("");
}
