// Defines JSON values as inventories hold them: parsed JSON, except that numbers a double cannot hold keep their text.
import { decimalOf } from "./decimal.ts";

/**
 * A number kept as its exact text: what `JSON.rawJSON` returns, a frozen object without a prototype. It was chosen because
 * JSON.stringify prints the text unchanged wherever the value travels (stored text, difference rows, answers), and because
 * no parsed document can imitate it: `{"rawJSON": "1"}` in a document is an ordinary object.
 */
interface ExactNumber {
  readonly rawJSON: string;
}
export type JsonValue = null | boolean | number | string | ExactNumber | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}

declare global {
  interface JSON {
    rawJSON(text: string): ExactNumber;
    isRawJSON(value: unknown): value is ExactNumber;
  }
}

/** Parses JSON that may hold numbers beyond a double, as the stored text of a record does. Throws SyntaxError. */
export function parseExact(text: string): JsonValue {
  return mayHoldExactNumbers.test(text) ? parseKeepingNumbers(text) : JSON.parse(text);
}

/** Sixteen digits or an exponent: only such a number can differ from its double. Digits in strings match too, harmlessly. */
const mayHoldExactNumbers = /\d[\d.]{15}|\d[eE][-+]?\d/;

/** Eight times slower than JSON.parse, so only for texts that need it. */
export function parseKeepingNumbers(text: string): JsonValue {
  return JSON.parse(text, (_key, value: JsonValue, context?: { source?: string }) => {
    const source = typeof value === "number" ? context?.source : undefined;
    return source === undefined || isValueSafe(source) ? value : JSON.rawJSON(source);
  });
}

/** True when the text and the double it parses to are the same decimal value: 1.0 and 0.1e1 are, 2^53 + 1 and 1e400 are not. */
export function isValueSafe(text: string): boolean {
  return decimalOf(text) === decimalOf(String(Number(text)));
}

export const isExact = (value: unknown): value is ExactNumber => JSON.isRawJSON(value);

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isExact(value);
}

/** Sets a key as data, also when it is called `__proto__`. */
export function setOwn(target: JsonObject, key: string, value: JsonValue): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else target[key] = value;
}

/** Reads a key as data: nothing inherited, so `constructor` is only there when the document says so. */
export function getOwn(source: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(source, key) ? source[key] : undefined;
}
