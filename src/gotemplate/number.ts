// Reads number literals as Go does, and prints floating-point numbers as Go's strconv does.
import { fail, runesOf } from "./source.ts";

const MAX_INT = 2n ** 63n - 1n;
const MAX_UNSIGNED = 2n ** 64n - 1n;
/** Digits and prefix of 64 bits in binary, and some leading zeros. */
const MAX_INTEGER_DIGITS = 100;

/**
 * An integer is a bigint (Go's int), anything with a point or an exponent a number (Go's float64). One that only an unsigned
 * integer holds is undefined: Go refuses it when it is used, not when it is read.
 */
export function readNumber(text: string): bigint | number | undefined {
  const sign = text.startsWith("-") ? -1n : 1n;
  const digits = text.replace(/^[+-]/, "");
  const plain = withoutUnderscores(digits) ?? fail(`a bad number: ${text}`);
  const integer = plain.length > MAX_INTEGER_DIGITS ? undefined : readInteger(plain);
  if (integer !== undefined) {
    const value = sign * integer;
    if (value <= MAX_INT && value >= -MAX_INT - 1n) return value;
    return /^[+-]/.test(text) || value > MAX_UNSIGNED ? fail(`${text} overflows int`) : undefined;
  }
  const float = readFloat(plain) ?? fail(`a bad number: ${text}`);
  if (!/[.eEpP]/.test(plain) || !Number.isFinite(float)) fail(`a bad number: ${text}`);
  return Number(sign) * float;
}

/** Go allows them between digits and after a prefix. */
function withoutUnderscores(digits: string): string | undefined {
  if (!digits.includes("_")) return digits;
  const [, prefix = "", rest = ""] = /^(0[xXoObB])?([^]*)$/.exec(digits) ?? [];
  const isHexadecimal = prefix.toLowerCase() === "0x";
  const isPlaced = isHexadecimal
    ? !/_(?![0-9a-fA-F])|[^0-9a-fA-F]_/.test(rest)
    : !/_(?![0-9])|[^0-9]_/.test(rest) && (prefix !== "" || !rest.startsWith("_"));
  return isPlaced ? digits.replaceAll("_", "") : undefined;
}

function readInteger(text: string): bigint | undefined {
  if (/^(0|[1-9][0-9]*)$/.test(text) || /^0[xX][0-9a-fA-F]+$/.test(text)) return BigInt(text);
  if (/^0[oO][0-7]+$/.test(text) || /^0[bB][01]+$/.test(text)) return BigInt(text.toLowerCase());
  return /^0[0-7]+$/.test(text) ? BigInt(`0o${text.slice(1)}`) : undefined;
}

function readFloat(text: string): number | undefined {
  if (/^([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(text)) return Number(text);
  const match = /^0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?[0-9]+)$/.exec(text);
  if (!match || `${match[1]}${match[2]}` === "") return undefined;
  const mantissa = parseInt(`0${match[1]}${match[2]}`, 16);
  return mantissa * 2 ** (Number(match[3]) - 4 * (match[2]?.length ?? 0));
}

/** 'a': the rune as a number. */
export function readCharacter(bytes: string): bigint {
  const [first, ...rest] = runesOf(bytes);
  if (!first || rest.length > 0) fail("a character literal holds one character");
  return BigInt(first.bytes.length === 1 ? first.bytes.charCodeAt(0) : first.rune);
}

interface Decimal {
  isNegative: boolean;
  /** Without leading zeros. */
  digits: string;
  /** Of the first digit: 1.5 has 0, 15 has 1. */
  exponent: number;
}

const isNegativeNumber = (value: number) => value < 0 || Object.is(value, -0);

/** The fewest digits that mean this number. */
function shortest(value: number): Decimal {
  const [mantissa = "0", exponent = "0"] = Math.abs(value).toExponential().split("e");
  return { isNegative: isNegativeNumber(value), digits: mantissa.replace(".", ""), exponent: Number(exponent) };
}

/** The exact value times 10^scale, rounded half to even. */
function scaled(value: number, scale: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, Math.abs(value));
  const raw = bits.getBigUint64(0);
  const biased = Number(raw >> 52n);
  const fraction = raw & ((1n << 52n) - 1n);
  const mantissa = biased === 0 ? fraction : fraction | (1n << 52n);
  const power = Math.max(biased, 1) - 1075;
  const numerator = mantissa * (power > 0 ? 1n << BigInt(power) : 1n) * 10n ** BigInt(Math.max(scale, 0));
  const denominator = (power < 0 ? 1n << BigInt(-power) : 1n) * 10n ** BigInt(Math.max(-scale, 0));
  const quotient = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  const isUp = twice > denominator || (twice === denominator && quotient % 2n === 1n);
  return isUp ? quotient + 1n : quotient;
}

/** Rounded to `digits` digits. */
function rounded(value: number, count: number): Decimal {
  if (value === 0) return { isNegative: isNegativeNumber(value), digits: "0".repeat(count), exponent: 0 };
  let { exponent } = shortest(value);
  let digits = scaled(value, count - 1 - exponent).toString();
  // The shortest digits of 9.99…e22 are 1e23: the exact value is below.
  if (digits.length < count) {
    exponent -= 1;
    digits = scaled(value, count - 1 - exponent).toString();
  }
  if (digits.length > count) {
    exponent += 1;
    digits = digits.slice(0, count);
  }
  return { isNegative: value < 0, digits, exponent };
}

const signOf = (decimal: { isNegative: boolean }) => (decimal.isNegative ? "-" : "");

function exponential(decimal: Decimal, letter: string): string {
  const { digits, exponent } = decimal;
  const power = `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  return `${signOf(decimal)}${digits[0]}${digits.length > 1 ? `.${digits.slice(1)}` : ""}${letter}${power}`;
}

function positional(decimal: Decimal): string {
  const { digits, exponent } = decimal;
  const padded = exponent < 0 ? "0".repeat(-exponent) + digits : digits.padEnd(exponent + 1, "0");
  const whole = Math.max(exponent, 0) + 1;
  const rest = padded.slice(whole);
  return `${signOf(decimal)}${padded.slice(0, whole)}${rest ? `.${rest}` : ""}`;
}

/** No float64 has more digits than these; what a longer precision would add are zeros. */
const MAX_PRECISION = 1_100;

/** strconv.FormatFloat for e, E, f, F, g, G; `precision` -1 asks for the fewest digits. */
export function formatFloat(value: number, verb: string, precision: number): string {
  if (precision > MAX_PRECISION) fail(`more than ${MAX_PRECISION} digits after a point`);
  const letter = verb === "E" || verb === "G" ? "E" : "e";
  if (verb === "e" || verb === "E")
    return exponential(precision < 0 ? shortest(value) : rounded(value, precision + 1), letter);
  if (verb === "f" || verb === "F") {
    if (precision < 0) return positional(shortest(value));
    const text = scaled(value, precision)
      .toString()
      .padStart(precision + 1, "0");
    const whole = text.slice(0, text.length - precision);
    return `${isNegativeNumber(value) ? "-" : ""}${whole}${precision > 0 ? `.${text.slice(-precision)}` : ""}`;
  }
  const decimal = precision < 0 ? shortest(value) : rounded(value, Math.max(precision, 1));
  const digits = withoutZerosAtEnd(decimal.digits);
  const significant = { ...decimal, digits };
  const wanted = Math.max(precision, 1);
  const isWhole = precision >= 0 && wanted > digits.length && digits.length >= decimal.exponent + 1;
  const limit = precision < 0 ? SHORTEST_LIMIT : isWhole ? digits.length : wanted;
  return decimal.exponent < -4 || decimal.exponent >= limit
    ? exponential(significant, letter)
    : positional(significant);
}

function withoutZerosAtEnd(digits: string): string {
  let end = digits.length;
  while (end > 1 && digits[end - 1] === "0") end -= 1;
  return digits.slice(0, end);
}

/** From this exponent on, the fewest digits are written with an exponent. */
const SHORTEST_LIMIT = 6;
