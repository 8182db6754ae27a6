// Compares two inventories: fast-json-patch over normalized trees, told in the raw documents' own places.
import { compare, type Operation } from "fast-json-patch";
import {
  compareText,
  type ContentMemo,
  contentOf,
  identifyingMembers,
  labelsOf,
} from "../../../values/documents/identity.ts";
import { getOwn, isObject, type JsonObject, type JsonValue } from "../../../values/json/value.ts";
import { ARRAY_MARK, type Bag, normalize, type Normalized, type Tree, withoutEqualArrays } from "./normalize.ts";
import { formatFieldPath, formatPointer, parsePointer } from "../../../values/json/pointer.ts";

export type ChangeType = "create" | "update" | "delete";

/** An element of an array on the way to a change, for whoever has the document before it, its arrays in any order. */
interface ElementStep {
  /** Which segment of the pointer is its index; 0 is the first. */
  level: number;
  /** Members that this element alone has in the previous array; null for one to be found by its whole value, and for a new one. */
  identity: JsonObject | null;
  /** In the raw previous document; null for a new element. */
  previous_index: number | null;
  /** In the raw current document; null for one that is gone. */
  index: number | null;
}

export interface Change {
  /** JSON Pointer into the raw current document; for a delete, into the raw previous one. */
  pointer: string;
  /**
   * For people: array elements under their identity, nodes under their ui_name. Also what finds an element again on replay
   * (replay.ts), because a pointer's index holds for one document only: so store it whole.
   */
  fieldPath: string;
  changeType: ChangeType;
  /** Undefined when there was none; null when it was null. */
  previousValue: JsonValue | undefined;
  currentValue: JsonValue | undefined;
  /** Of each array on the way, the element; outermost first. */
  elements: ElementStep[];
  /** What rules match: raw keys, and `[]` for an array's element. No name that a user chose for a thing is in it. */
  rulePath: string[];
  /** Set on the one row that stands for so many changes, too many to tell one by one. */
  summarized?: number;
}

const MAX_CHANGES = 10_000;
const ELEMENT = "[]";

/** Is linear in the size of both documents. The changes come ordered by pointer, the same for the same documents. */
export function compareDocuments(
  previous: JsonObject,
  current: JsonObject,
  { maxChanges = MAX_CHANGES }: { maxChanges?: number } = {},
): Change[] {
  const [was, is] = withoutEqualArrays(previous, current);
  const before = openSide(previous, was);
  const after = openSide(current, is);
  const operations = compare(before.tree, after.tree);
  // An array that became an object is two operations and one change.
  if (operations.length > maxChanges * 2) return [summarize(current, operations.length)];
  const nodeNames = nodeLabels(previous, current);
  const changes = new Map<string, Change>();
  for (const operation of operations) {
    const { place, change } = locate(operation, before, after, nodeNames);
    if (isSameElement(change, before.memo)) continue;
    const other = changes.get(place);
    changes.set(place, other ? mergeTypeChange(other, change) : change);
  }
  if (changes.size > maxChanges) return [summarize(current, changes.size)];
  return [...changes.values()].sort(
    (left, right) => compareText(left.pointer, right.pointer) || compareText(left.changeType, right.changeType),
  );
}

/**
 * Ten thousand rows of one post help nobody, and a cut would break the chain. So one row replaces the whole document, which
 * replays exactly, and says how many changes it stands for. What was before is where the chain before it leads, and is not kept
 * a second time.
 */
function summarize(current: JsonObject, count: number): Change {
  return {
    pointer: "",
    fieldPath: `(document, ${count} changes)`,
    elements: [],
    changeType: "update",
    previousValue: undefined,
    currentValue: current,
    rulePath: [],
    summarized: count,
  };
}

interface Side extends Normalized {
  document: JsonObject;
  places: Map<Bag, Place>;
}

interface Place {
  indexes: Map<string, number>;
  labels: string[];
}

/** `rest` is what of the document is to be compared at all. */
const openSide = (document: JsonObject, rest: JsonObject): Side => ({
  ...normalize(rest),
  document,
  places: new Map(),
});

/** Where a walk along one operation's path stands on one side; undefined once the side has nothing there. */
interface Position {
  raw: JsonValue | undefined;
  tree: Tree | undefined;
  segments: string[];
}

function locate(operation: Operation, before: Side, after: Side, nodeNames: Map<string, string>) {
  const path = parsePointer(operation.path);
  const was: Position = { raw: before.document, tree: before.tree, segments: [] };
  const is: Position = { raw: after.document, tree: after.tree, segments: [] };
  const rulePath: string[] = [];
  const fieldPath: string[] = [];
  const elements: ElementStep[] = [];
  for (const key of path) {
    const element = stepIntoArrays(key, { before, after, was, is });
    if (element) {
      elements.push({ level: rulePath.length, ...element.step });
      rulePath.push(ELEMENT);
      fieldPath.push(shortLabel(element.label));
      continue;
    }
    const rawKey = key.startsWith(ARRAY_MARK) ? key.slice(1) : key;
    stepIntoObject(was, key, rawKey);
    stepIntoObject(is, key, rawKey);
    const isNode = rulePath.length === 2 && rulePath[0] === "facts" && rulePath[1] === "nodes";
    fieldPath.push(shortLabel((isNode && nodeNames.get(rawKey)) || rawKey));
    rulePath.push(rawKey);
  }
  const changeType = operation.op === "add" ? "create" : operation.op === "remove" ? "delete" : "update";
  const change: Change = {
    pointer: formatPointer(changeType === "delete" ? was.segments : is.segments),
    fieldPath: formatFieldPath(fieldPath),
    elements,
    changeType,
    previousValue: changeType === "create" ? undefined : was.raw,
    currentValue: changeType === "delete" ? undefined : is.raw,
    rulePath,
  };
  return { place: placeOf(path), change };
}

/** The same for the array and the object that took its place under one key. */
function placeOf(path: string[]): string {
  const last = path.at(-1) ?? "";
  return formatPointer(last.startsWith(ARRAY_MARK) ? [...path.slice(0, -1), last.slice(1)] : path);
}

/** Steps both sides into an element when they stand at an array, and says which; undefined when they stand at an object. */
function stepIntoArrays(
  key: string,
  { before, after, was, is }: { before: Side; after: Side; was: Position; is: Position },
) {
  const old = stepIntoArray(before, was, key);
  const now = stepIntoArray(after, is, key);
  if (!old && !now) return undefined;
  // An element that was there keeps the label it had, because whoever replays has only the previous document.
  const label = (old?.label ?? now?.label) || ELEMENT;
  const step = { identity: old?.identity ?? null, previous_index: old?.index ?? null, index: now?.index ?? null };
  return { label, step };
}

interface Found {
  label?: string | undefined;
  index?: number;
  identity?: JsonObject | undefined;
}

/** Empty where the side has an array without the element; undefined where it has none. */
function stepIntoArray(side: Side, position: Position, key: string): Found | undefined {
  const bag = position.tree === undefined ? undefined : side.bags.get(position.tree);
  if (!bag) return undefined;
  let place = side.places.get(bag);
  if (!place) {
    place = { indexes: new Map(bag.keys.map((name, at) => [name, at])), labels: labelsOf(bag.array, side.memo) };
    side.places.set(bag, place);
  }
  const at = place.indexes.get(key);
  position.tree = treeChild(position.tree, key);
  const element = at === undefined ? undefined : bag.array[at];
  position.raw = element;
  if (at === undefined || element === undefined) return {};
  position.segments.push(String(at));
  const identity = bag.shared.has(at) ? undefined : identifyingMembers(element);
  return { label: place.labels[at], index: at, identity };
}

/** Of two elements of one identity one may be gone: the other then changes from "one of two" to "the only one", in no other way. */
const isSameElement = (
  { changeType, rulePath, previousValue = null, currentValue = null }: Change,
  memo: ContentMemo,
) =>
  changeType === "update" &&
  rulePath.at(-1) === ELEMENT &&
  contentOf(previousValue, memo) === contentOf(currentValue, memo);

function stepIntoObject(position: Position, key: string, rawKey: string): void {
  position.tree = treeChild(position.tree, key);
  position.raw = isObject(position.raw) ? getOwn(position.raw, rawKey) : undefined;
  position.segments.push(rawKey);
}

const treeChild = (tree: Tree | undefined, key: string): Tree | undefined =>
  typeof tree === "object" && tree !== null && Object.hasOwn(tree, key) ? tree[key] : undefined;

function mergeTypeChange(one: Change, other: Change): Change {
  const created = one.changeType === "create" ? one : other;
  const deleted = one.changeType === "create" ? other : one;
  return { ...created, changeType: "update", previousValue: deleted.previousValue };
}

/** `ui_name` of each node, now or else before, unless it would name two nodes or is another node's key. */
function nodeLabels(previous: JsonObject, current: JsonObject): Map<string, string> {
  const names = new Map([...uiNames(previous), ...uiNames(current)]);
  const counts = new Map<string, number>();
  for (const [key, name] of names) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (key !== name) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return new Map([...names].filter(([, name]) => name !== "" && counts.get(name) === 1));
}

function uiNames(document: JsonObject): [string, string][] {
  const facts = getOwn(document, "facts");
  const nodes = isObject(facts) ? getOwn(facts, "nodes") : undefined;
  if (!isObject(nodes)) return [];
  return Object.entries(nodes).map(([key, node]) => {
    const name = isObject(node) ? getOwn(node, "ui_name") : undefined;
    return [key, typeof name === "string" ? name : ""];
  });
}

/** Characters of one segment in a field path. Longer ones keep their beginning; the pointer holds the whole key. */
const MAX_LABEL_LENGTH = 240;
const shortLabel = (label: string) =>
  label.length > MAX_LABEL_LENGTH ? `${label.slice(0, MAX_LABEL_LENGTH)}…` : label;
