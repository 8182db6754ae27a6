// Normalizes documents into trees in which equal things sit at equal paths, so that a comparison of objects finds what changed.
import {
  compareText,
  type ContentMemo,
  contentOf,
  findShared,
  identityOf,
} from "../../../values/documents/identity.ts";
import { isExact, isObject, type JsonObject, type JsonValue } from "../../../values/json/value.ts";

/** What fast-json-patch compares: objects and scalars only. */
export type Tree = null | boolean | number | string | TreeObject;
interface TreeObject {
  [key: string]: Tree;
}

/** How an array's elements are keyed in the tree. */
export interface Bag {
  array: JsonValue[];
  /** The key of each element, in the array's order. */
  keys: string[];
  /** Positions of elements that cannot be told from another one by their identity: they change as a whole. */
  shared: ReadonlySet<number>;
}

export interface Normalized {
  tree: TreeObject;
  /** By the object that stands for the array in the tree. */
  bags: Map<Tree, Bag>;
  memo: ContentMemo;
}

/**
 * U+0000 marks what a document cannot hold (reading repairs it away): an object's key in front of an array is `\0key`, so
 * that an array and an object never mix; a number that a double cannot hold is the string `\0n` and its text.
 */
export const ARRAY_MARK = "\0";

/**
 * Pointers longer than this are not made: what lies deeper is one opaque value and changes as a whole. Without a limit, few
 * megabytes of long keys around many changes would become gigabytes of pointers.
 */
const MAX_POINTER_LENGTH = 1000;
/** An array's index counts as so much, or as its element's identity, so that both documents stop at the same place. */
const INDEX_LENGTH = 7;

export function normalize(document: JsonObject): Normalized {
  const walk: Walk = { bags: new Map(), memo: new Map() };
  return { tree: normalizeObject(document, MAX_POINTER_LENGTH, walk), ...walk };
}

/** True when nothing would be reported between the two. */
export function sameContent(left: JsonObject, right: JsonObject): boolean {
  return contentOf(left, new Map()) === contentOf(right, new Map());
}

type Walk = Pick<Normalized, "bags" | "memo">;

/** Objects that hold no array and no exact number at any depth are shared with the document, which saves most copies. */
function normalizeObject(source: JsonObject, room: number, walk: Walk): TreeObject {
  let copy: TreeObject | undefined;
  for (const key in source) {
    const value = source[key] ?? null;
    if (typeof value !== "object" || value === null) {
      if (copy) copy[key] = value;
      continue;
    }
    const left = room - key.length - 1;
    const isArray = Array.isArray(value) && left > 0;
    const normal = normalizeComposite(value, left, walk);
    if (!copy && !isArray && normal === value) continue;
    copy ??= copyBefore(source, key);
    copy[isArray ? ARRAY_MARK + key : key] = normal;
  }
  // No element of the tree is an exact number or an array any more.
  return copy ?? (source as TreeObject);
}

function normalizeComposite(value: JsonValue & object, room: number, walk: Walk): Tree {
  if (isExact(value)) return `\0n${value.rawJSON}`;
  if (room <= 0) return `\0o${contentOf(value, walk.memo)}`;
  return Array.isArray(value) ? normalizeArray(value, room, walk) : normalizeObject(value, room, walk);
}

/** Without a prototype, so that `__proto__` is a key like any other. */
function copyBefore(source: JsonObject, end: string): TreeObject {
  const copy: TreeObject = Object.create(null);
  for (const key in source) {
    if (key === end) break;
    copy[key] = source[key] as Tree;
  }
  return copy;
}

/** Elements are keyed by identity, else by their whole content, where position never counts. */
function normalizeArray(array: JsonValue[], room: number, walk: Walk): TreeObject {
  const identities = array.map(identityOf);
  const shared = findShared(array, identities);
  const keys = array.map((element, at) => {
    const identity = identities[at];
    return identity ? `i${identity.key}` : `c${contentOf(element, walk.memo)}`;
  });
  numberRepeated(keys, array, walk.memo);
  const tree: TreeObject = Object.create(null);
  for (let at = 0; at < keys.length; at++) {
    const element = array[at] ?? null;
    // A key made of the content already says everything, so such elements never need a look inside.
    const label = identities[at]?.label;
    const left = shared.has(at) ? 0 : room - Math.max(INDEX_LENGTH, label?.length ?? 0);
    tree[keys[at] ?? ""] = label !== undefined && isObject(element) ? normalizeElement(element, left, walk) : true;
  }
  walk.bags.set(tree, { array, keys, shared });
  return tree;
}

const normalizeElement = (element: JsonObject, room: number, walk: Walk): Tree =>
  room > 0 ? normalizeObject(element, room, walk) : `\0o${contentOf(element, walk.memo)}`;

/** Elements of one key are numbered in the order of their contents, so that swapping two of them changes nothing. */
function numberRepeated(keys: string[], array: JsonValue[], memo: ContentMemo): void {
  const places = new Map<string, number[]>();
  let repeated = false;
  for (let at = 0; at < keys.length; at++) {
    const known = places.get(keys[at] ?? "");
    if (known) {
      known.push(at);
      repeated = true;
    } else places.set(keys[at] ?? "", [at]);
  }
  if (!repeated) return;
  for (const [key, found] of places) {
    if (found.length === 1) continue;
    if (key.startsWith("i")) {
      const contents = new Map(found.map((at) => [at, contentOf(array[at] ?? null, memo)]));
      found.sort((left, right) => compareText(contents.get(left) ?? "", contents.get(right) ?? "") || left - right);
    }
    found.forEach((at, times) => {
      if (times > 0) keys[at] = `${key}\0${times}`;
    });
  }
}

/**
 * Most of an inventory is as it was, and its arrays are the expensive part of a comparison. What is not told equal here, for
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

const copyOf = (source: JsonObject): JsonObject => Object.assign(Object.create(null), source);
