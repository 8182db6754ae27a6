// Applying the changes to the document they were made from gives the next one, for any two documents.
import { expect, test } from "bun:test";
import { compareDocuments } from "../../../../src/domains/inventory/diff/diff.ts";
import {
  isExact,
  isObject,
  type JsonObject,
  type JsonValue,
  parseExact,
  setOwn,
} from "../../../../src/values/json/value.ts";
import { sameContent } from "../../../../src/domains/inventory/diff/normalize.ts";
import { applyChanges, type StoredChange } from "../../../../src/domains/inventory/chain/replay.ts";

test("the changes of any two random documents, stored and read back, rebuild the second from the first", () => {
  const random = seeded(20_240_101);
  for (let round = 0; round < 3000; round++) {
    const previous = randomObject(random, 4);
    const current = round % 3 === 0 ? randomObject(random, 4) : mutatedObject(previous, random, 0.15);
    const changes = compareDocuments(previous, current);
    const rebuilt = applyChanges(previous, storedAndRead(changes));
    expect(unordered(rebuilt)).toBe(unordered(current));
    expect(sameContent(rebuilt, current)).toBe(true);
    expect(compareDocuments(rebuilt, current)).toEqual([]);
    expect(changes.length === 0).toBe(unordered(previous) === unordered(current));
  }
}, 240_000);

test("a chain of twenty random changes replays from its first document to its last", () => {
  const random = seeded(7);
  for (let round = 0; round < 100; round++) {
    const first = randomObject(random, 5);
    let last = first;
    let rebuilt = first;
    for (let step = 0; step < 20; step++) {
      const next = mutatedObject(last, random, 0.1);
      rebuilt = applyChanges(rebuilt, storedAndRead(compareDocuments(last, next)));
      last = next;
    }
    expect(unordered(rebuilt)).toBe(unordered(last));
  }
}, 240_000);

test("every pointer finds its value: creates and updates in the current document, deletes in the previous one", () => {
  const random = seeded(99);
  for (let round = 0; round < 500; round++) {
    const previous = randomObject(random, 4);
    const current = mutatedObject(previous, random, 0.2);
    for (const change of compareDocuments(previous, current)) {
      const [document, value] =
        change.changeType === "delete" ? [previous, change.previousValue] : [current, change.currentValue];
      expect(JSON.stringify(valueAt(document, change.pointer))).toBe(JSON.stringify(value ?? null));
    }
  }
});

test("the same two documents always give the same changes in the same order", () => {
  const random = seeded(3);
  const previous = randomObject(random, 5);
  const current = mutatedObject(previous, random, 0.4);
  expect(compareDocuments(shuffledKeys(previous, random), shuffledKeys(current, random))).toEqual(
    compareDocuments(previous, current),
  );
});

test("changes that belong to another document are refused instead of giving a wrong one", () => {
  const changes = compareDocuments({ a: { list: [{ id: "x", n: 1 }] } }, { a: { list: [{ id: "x", n: 2 }] } });
  expect(() => applyChanges({ a: { list: [{ id: "y", n: 1 }] } }, changes)).toThrow("does not fit");
  expect(() => applyChanges({ b: 1 }, changes)).toThrow("/a/list/0/n does not fit");
});

/** As through the columns of inventory_diffs: JSON text, and nothing for a value that is not there. */
function storedAndRead(changes: StoredChange[]): StoredChange[] {
  const stored = (value: JsonValue | undefined) =>
    value === undefined ? undefined : parseExact(JSON.stringify(value));
  return changes.map(({ pointer, fieldPath, changeType, previousValue, currentValue }) => ({
    pointer,
    fieldPath,
    changeType,
    previousValue: stored(previousValue),
    currentValue: stored(currentValue),
  }));
}

/** Written apart from the code under test: objects by sorted key, arrays by sorted content. */
function unordered(value: JsonValue): string {
  if (isExact(value)) return value.rawJSON;
  if (Array.isArray(value)) return `[${value.map(unordered).toSorted().join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, child]) => `${JSON.stringify(key)}:${unordered(child)}`);
  return `{${members.toSorted().join()}}`;
}

function valueAt(document: JsonValue, pointer: string): JsonValue | undefined {
  if (pointer === "") return document;
  return pointer
    .slice(1)
    .split("/")
    .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce<JsonValue | undefined>((node, key) => {
      if (Array.isArray(node)) return node[Number(key)];
      return isObject(node) && Object.hasOwn(node, key) ? node[key] : undefined;
    }, document);
}

type Random = () => number;

/** mulberry32 */
function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const KEYS = [
  "id",
  "name",
  "facts",
  "nodes",
  "ui_name",
  "modules",
  "version",
  "eth0.6",
  "/mnt/data",
  "~x",
  "__proto__",
  "constructor",
  "toJSON",
  "hasOwnProperty",
  "1",
  "10",
  "2",
  "",
  '"q"',
  "[]",
  "class_id",
  "vendor_id",
  "device_id",
];
const SCALARS: JsonValue[] = [
  null,
  true,
  false,
  0,
  1,
  1.5,
  -7,
  "",
  "a",
  "b",
  "a.b",
  "a#2",
  "1",
  "0",
  "n1.example.org",
  "è – ☃",
  JSON.rawJSON("9007199254740993"),
  JSON.rawJSON("9007199254740992.5"),
  JSON.rawJSON("1e400"),
];

const pick = <Item>(items: readonly Item[], random: Random): Item => {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
};

function randomValue(random: Random, depth: number): JsonValue {
  const kind = random();
  if (depth === 0 || kind < 0.4) return pick(SCALARS, random);
  if (kind < 0.7) return randomObject(random, depth - 1);
  return Array.from({ length: Math.floor(random() * 6) }, () => randomValue(random, depth - 1));
}

function randomObject(random: Random, depth: number): JsonObject {
  const object: JsonObject = {};
  const size = Math.floor(random() * 6);
  for (let at = 0; at < size; at++) setOwn(object, pick(KEYS, random), randomValue(random, depth));
  return object;
}

function mutatedObject(source: JsonObject, random: Random, rate: number): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(source)) {
    if (random() >= rate / 3) setOwn(result, key, mutated(value, random, rate));
  }
  if (random() < rate) setOwn(result, pick(KEYS, random), randomValue(random, 2));
  return result;
}

function mutated(value: JsonValue, random: Random, rate: number): JsonValue {
  if (random() < rate / 2) return randomValue(random, 2);
  if (Array.isArray(value)) {
    const kept = value.filter(() => random() >= rate / 2).map((element) => mutated(element, random, rate));
    if (random() < rate && kept.length > 0) kept.push(pick(kept, random));
    if (random() < rate) kept.splice(Math.floor(random() * (kept.length + 1)), 0, randomValue(random, 2));
    return random() < 0.5 ? kept : shuffled(kept, random);
  }
  return isObject(value) ? mutatedObject(value, random, rate) : value;
}

const shuffled = <Item>(items: readonly Item[], random: Random): Item[] =>
  items
    .map((item) => ({ item, order: random() }))
    .toSorted((left, right) => left.order - right.order)
    .map(({ item }) => item);

function shuffledKeys(source: JsonObject, random: Random): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of shuffled(Object.entries(source), random)) setOwn(result, key, value);
  return result;
}
