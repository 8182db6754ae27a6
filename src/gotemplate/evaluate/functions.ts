// Calls the functions of Go's text/template on the values that a template can hold.
import { escapeHtml, escapeScript, escapeUrl } from "./escape.ts";
import { plainText } from "./format.ts";
import { sprint, sprintf, sprintln } from "./printf.ts";
import { fail } from "../source.ts";
import { Byte, StringMap, goTypeOf, isTrue } from "../value.ts";
import type { Value } from "../value.ts";

interface Builtin {
  least: number;
  most: number;
  call(args: Value[]): Value;
}

const exactly = (count: number, call: Builtin["call"]): Builtin => ({ least: count, most: count, call });
const atLeast = (count: number, call: Builtin["call"]): Builtin => ({ least: count, most: Infinity, call });

const BUILTINS: Record<string, Builtin> = {
  not: exactly(1, ([value]) => !isTrue(value)),
  eq: atLeast(1, ([first, ...others]) => {
    if (others.length === 0) fail("eq has nothing to compare with");
    return others.some((other) => areEqual(first, other));
  }),
  ne: exactly(2, ([left, right]) => !areEqual(left, right)),
  lt: exactly(2, ([left, right]) => isLess(left, right)),
  le: exactly(2, ([left, right]) => isLess(left, right) || areEqual(left, right)),
  gt: exactly(2, ([left, right]) => !(isLess(left, right) || areEqual(left, right))),
  ge: exactly(2, ([left, right]) => !isLess(left, right)),
  len: exactly(1, ([value]) => {
    if (typeof value === "string") return BigInt(value.length);
    return value instanceof StringMap ? BigInt(value.size) : fail(`len of ${nameOf(value)}`);
  }),
  index: atLeast(1, ([value, ...indexes]) => indexes.reduce<Value>(elementOf, known(value, "index"))),
  slice: atLeast(1, ([value, ...bounds]) => sliceOf(known(value, "slice"), bounds)),
  print: atLeast(0, sprint),
  println: atLeast(0, sprintln),
  printf: atLeast(1, ([pattern, ...args]) =>
    sprintf(typeof pattern === "string" ? pattern : fail("printf needs a format"), args),
  ),
  html: atLeast(0, (args) => escapeHtml(joined(args))),
  js: atLeast(0, (args) => escapeScript(joined(args))),
  urlquery: atLeast(0, (args) => escapeUrl(joined(args))),
  call: atLeast(1, () => fail("there is nothing to call")),
};

/** `and` and `or` are here by name only: they do not look at what they need not, so the evaluator does them. */
export const FUNCTION_NAMES: ReadonlySet<string> = new Set([...Object.keys(BUILTINS), "and", "or"]);

/** Those that write out whatever they are given. */
export const PRINTERS: ReadonlySet<string> = new Set(["print", "println", "printf", "html", "js", "urlquery"]);

export function callFunction(name: string, args: Value[]): Value {
  const builtin = Object.hasOwn(BUILTINS, name) ? BUILTINS[name] : undefined;
  if (!builtin) return fail(`function ${JSON.stringify(name)} is not defined`);
  if (args.length < builtin.least || args.length > builtin.most) fail(`wrong number of arguments for ${name}`);
  return builtin.call(args);
}

const nameOf = (value: Value) => (value === undefined ? "nothing" : goTypeOf(value));
const known = (value: Value, name: string): Value => (value === undefined ? fail(`${name} of nothing`) : value);

/** Escapers take one string as it is, anything else as print would show it. */
function joined(args: Value[]): string {
  const [only] = args;
  if (args.length === 1 && typeof only === "string") return only;
  return sprint(args.map((arg) => (arg === undefined ? plainText(arg) : arg)));
}

const integerOf = (value: Value): bigint | undefined =>
  value instanceof Byte ? BigInt(value.value) : typeof value === "bigint" ? value : undefined;

/** Nothing equals nothing alone; values of different kinds cannot be compared. */
function areEqual(left: Value, right: Value): boolean {
  if (left === undefined || right === undefined) return left === right;
  const [a, b] = [integerOf(left), integerOf(right)];
  if (a !== undefined && b !== undefined) return a === b;
  if (
    left instanceof StringMap ||
    right instanceof StringMap ||
    typeof left !== typeof right ||
    left instanceof Byte ||
    right instanceof Byte
  )
    return fail("incompatible types for comparison");
  return left === right;
}

function isLess(left: Value, right: Value): boolean {
  const [a, b] = [integerOf(left), integerOf(right)];
  if (a !== undefined && b !== undefined) return a < b;
  if (typeof left === "string" && typeof right === "string") return left < right;
  if (typeof left === "number" && typeof right === "number") return left < right;
  return fail("incompatible types for comparison");
}

function position(value: Value, limit: number): number {
  const index = integerOf(value) ?? fail(`cannot index with ${nameOf(value)}`);
  return index >= 0n && index <= BigInt(limit) ? Number(index) : fail(`index out of range: ${index}`);
}

function elementOf(of: Value, index: Value): Value {
  if (of instanceof StringMap) return typeof index === "string" ? of.get(index) : fail("a map is indexed by a string");
  if (typeof of !== "string") return fail(`cannot index ${nameOf(of)}`);
  return new Byte(of.charCodeAt(position(index, of.length - 1)));
}

function sliceOf(of: Value, bounds: Value[]): Value {
  if (typeof of !== "string") return fail(`cannot slice ${nameOf(of)}`);
  if (bounds.length > 2) fail("a string is sliced by two bounds at most");
  const [from = 0, to = of.length] = bounds.map((bound) => position(bound, of.length));
  return from <= to ? of.slice(from, to) : fail(`slice bounds out of range: ${from} > ${to}`);
}
