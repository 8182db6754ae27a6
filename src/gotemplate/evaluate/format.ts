// Writes one value by one verb of Go's fmt, with its flags and its error text for a verb that does not fit.
import { formatFloat } from "../number.ts";
import { countRunes, fail, firstRunes, hex, isInvalid, isPrintable, quote, runesOf, toBytes } from "../source.ts";
import { Byte, StringMap, goTypeOf } from "../value.ts";
import type { Value } from "../value.ts";

export interface Flags {
  plus: boolean;
  minus: boolean;
  sharp: boolean;
  space: boolean;
  zero: boolean;
  /** %#v: Go's syntax. */
  sharpV: boolean;
  width: number | undefined;
  precision: number | undefined;
}

export const NO_FLAGS: Flags = {
  plus: false,
  minus: false,
  sharp: false,
  space: false,
  zero: false,
  sharpV: false,
  width: undefined,
  precision: undefined,
};

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
  if (verb === "w") return undefined;
  return verb === "p" ? fail("%p shows an address, which is never twice the same") : formatMap(value, verb, flags);
}

function formatMap(map: StringMap, verb: string, flags: Flags): string {
  const entries = map
    .entries()
    .map(([name, text]) => `${formatValue(name, verb, flags)}:${formatValue(text, verb, flags)}`);
  return flags.sharpV ? `map[string]interface {}{${entries.join(", ")}}` : `map[${entries.join(" ")}]`;
}

function pad(text: string, { width = 0, minus, zero }: Flags): string {
  if (width === 0) return text;
  const missing = width - countRunes(text);
  if (missing <= 0) return text;
  return minus ? text + " ".repeat(missing) : (zero ? "0" : " ").repeat(missing) + text;
}

function formatString(text: string, verb: string, flags: Flags): string | undefined {
  const cut = () => (flags.precision === undefined ? text : firstRunes(text, flags.precision));
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
  const sign = isNegative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
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
  const shown = flags.sharp && value === BigInt(rune) && isPrintable(rune) ? ` '${bytes}'` : "";
  return pad(`U+${digits}${shown}`, { ...flags, zero: false });
}

const PRECISIONS: Record<string, number> = { v: -1, g: -1, G: -1, e: 6, E: 6, f: 6, F: 6 };

function formatNumber(value: number, verb: string, flags: Flags): string | undefined {
  if ("bxX".includes(verb)) fail(`%${verb} of a number with a point is not supported`);
  const precision = PRECISIONS[verb];
  if (precision === undefined) return undefined;
  if (flags.sharp) fail("%# of a number with a point is not supported");
  const number = formatFloat(value, verb === "v" ? "g" : verb, flags.precision ?? precision);
  const isNegative = number.startsWith("-");
  const plain = isNegative ? number.slice(1) : number;
  const sign = isNegative ? "-" : flags.plus ? "+" : flags.space ? " " : "";
  if (sign !== "" && flags.zero && !flags.minus && flags.width !== undefined)
    return sign + plain.padStart(flags.width - 1, "0");
  return pad(sign + plain, flags);
}

/** For %v of what is printed by an action. */
export const plainText = (value: Value): string =>
  value === undefined ? "<no value>" : formatValue(value, "v", NO_FLAGS);
