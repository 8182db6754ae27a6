// Takes out of two documents the arrays that are plainly the same in both, so that a comparison need not look into them.
import { isObject, type JsonObject, type JsonValue } from "../../../values/json/value.ts";

/**
 * Most of an inventory is as it was, and its arrays are the dear part of a comparison. What is not told equal here, for
 * instance for another order of keys, is left for the comparison itself to tell. Where nothing is taken out, the very same
 * objects come back.
 */
export function withoutEqualArrays(left: JsonObject, right: JsonObject): [JsonObject, JsonObject] {
  let pair: [JsonObject, JsonObject] | undefined;
  for (const key of Object.keys(left)) {
    if (!Object.hasOwn(right, key)) continue;
    const rest = withoutEqual(left[key] ?? null, right[key] ?? null);
    if (!rest) continue;
    pair ??= [copyOf(left), copyOf(right)];
    [pair[0][key], pair[1][key]] = rest;
  }
  return pair ?? [left, right];
}

/** What stands for the two values from here on; undefined when that is they themselves. */
function withoutEqual(left: JsonValue, right: JsonValue): [JsonValue, JsonValue] | undefined {
  if (Array.isArray(left) && Array.isArray(right)) return areEqual(left, right) ? [true, true] : undefined;
  if (!isObject(left) || !isObject(right)) return undefined;
  const rest = withoutEqualArrays(left, right);
  return rest[0] === left && rest[1] === right ? undefined : rest;
}

const areEqual = (left: JsonValue[], right: JsonValue[]) =>
  left.length === right.length && left.every((element, at) => JSON.stringify(element) === JSON.stringify(right[at]));

/** Without a prototype, so that `__proto__` is a key like any other. */
const copyOf = (source: JsonObject): JsonObject => Object.assign(Object.create(null), source);
