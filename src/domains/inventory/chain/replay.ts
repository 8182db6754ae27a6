// Applies stored changes to the document they were made from, which gives the next one: so a chain of changes is a history.
import type { Change } from "../diff/diff.ts";
import { type ContentMemo, contentOf, identityOf, labelsOf } from "../../../values/documents/identity.ts";
import { getOwn, isObject, type JsonObject, type JsonValue, setOwn } from "../../../values/json/value.ts";
import { parseFieldPath, parsePointer } from "../../../values/json/pointer.ts";

/** The columns that are stored and that replay needs. */
export type StoredChange = Pick<Change, "pointer" | "fieldPath" | "changeType" | "previousValue" | "currentValue">;

/**
 * Gives a document of the same content as the one the changes lead to, in which elements of arrays may sit elsewhere.
 *
 * A pointer's index holds for the very document it was made from, while `previous` may have been rebuilt by replay itself. So
 * on the way down, an element is looked up by its label at the same level of the field path, which depends on the content of
 * the array only; and an element without identity, which is only ever deleted as a whole, by its previous value. Just a
 * create's last index is used as it is, as a hint where to insert.
 */
export function applyChanges(previous: JsonObject, changes: readonly StoredChange[]): JsonObject {
  const root = newEdit();
  const arrays: Arrays = { labels: new Map(), anonymous: new Map() };
  for (const change of changes) {
    if (change.pointer === "") root.replacement = { value: change.currentValue ?? null };
    else plan(root, previous, change, arrays);
  }
  const document = rebuild(previous, root);
  if (!isObject(document)) throw new Error("the changes do not lead to an object");
  return document;
}

/** What happens at one place of the previous document. */
interface Edit {
  children: Map<string, Edit>;
  deleted: boolean;
  replacement?: { value: JsonValue };
  added: { key: string; value: JsonValue }[];
}

const newEdit = (): Edit => ({ children: new Map(), deleted: false, added: [] });

function plan(root: Edit, previous: JsonObject, change: StoredChange, arrays: Arrays): void {
  const { pointer, changeType } = change;
  const labels = parseFieldPath(change.fieldPath);
  const segments = parsePointer(pointer);
  const lastSegment = segments.pop() ?? "";
  let edit = root;
  let node: JsonValue = previous;
  segments.forEach((segment, level) => {
    const key = Array.isArray(node) ? indexOfLabel(node, labels[level], arrays) : segment;
    node = childOf(node, key, pointer);
    edit = childEdit(edit, key);
  });
  if (changeType === "create") {
    if (!Array.isArray(node) && !isObject(node)) throw misfit(pointer);
    edit.added.push({ key: lastSegment, value: change.currentValue ?? null });
    return;
  }
  const key = keyOfTarget(node, lastSegment, labels[segments.length], change, arrays);
  childOf(node, key, pointer);
  const target = childEdit(edit, key);
  if (changeType === "delete") target.deleted = true;
  else target.replacement = { value: change.currentValue ?? null };
}

function keyOfTarget(
  node: JsonValue,
  segment: string,
  label: string | undefined,
  { changeType, previousValue = null }: StoredChange,
  arrays: Arrays,
): string {
  if (!Array.isArray(node)) return segment;
  const isAnonymous = changeType === "delete" && !identityOf(previousValue);
  return isAnonymous ? takeAnonymous(node, previousValue, arrays) : indexOfLabel(node, label, arrays);
}

/** How to find elements in the arrays met so far. */
interface Arrays {
  labels: Map<JsonValue[], Map<string, number>>;
  /** Indexes by content; one is taken out for each delete, so equal elements are deleted one by one. */
  anonymous: Map<JsonValue[], Map<string, number[]>>;
}

/** An index as text, or nothing that fits. */
function indexOfLabel(array: JsonValue[], label: string | undefined, { labels }: Arrays): string {
  let known = labels.get(array);
  if (!known) {
    known = new Map();
    for (const [at, name] of labelsOf(array).entries()) if (identityOf(array[at] ?? null)) known.set(name, at);
    labels.set(array, known);
  }
  return String(known.get(label ?? "") ?? "");
}

function takeAnonymous(array: JsonValue[], value: JsonValue, { anonymous }: Arrays): string {
  let known = anonymous.get(array);
  if (!known) {
    const memo: ContentMemo = new Map();
    known = Map.groupBy(array.keys(), (at) => contentOf(array[at] ?? null, memo));
    anonymous.set(array, known);
  }
  return String(known.get(contentOf(value, new Map()))?.pop() ?? "");
}

function childOf(node: JsonValue, key: string, pointer: string): JsonValue {
  const child = Array.isArray(node) ? node[Number(key || "NaN")] : isObject(node) ? getOwn(node, key) : undefined;
  if (child === undefined) throw misfit(pointer);
  return child;
}

const misfit = (pointer: string) => new Error(`the change at ${pointer} does not fit the document it is applied to`);

function childEdit(edit: Edit, key: string): Edit {
  let child = edit.children.get(key);
  if (!child) {
    child = newEdit();
    edit.children.set(key, child);
  }
  return child;
}

/** Copies only what lies on the way to a change. */
function rebuild(value: JsonValue, edit: Edit): JsonValue {
  if (edit.replacement) return edit.replacement.value;
  if (Array.isArray(value)) return rebuildArray(value, edit);
  return isObject(value) ? rebuildObject(value, edit) : value;
}

function rebuildArray(array: JsonValue[], { children, added }: Edit): JsonValue[] {
  const kept: JsonValue[] = [];
  array.forEach((element, at) => {
    const edit = children.get(String(at));
    if (!edit?.deleted) kept.push(edit ? rebuild(element, edit) : element);
  });
  const created = added.map(({ key, value }) => ({ at: Number(key), value })).sort((left, right) => left.at - right.at);
  const result: JsonValue[] = [];
  let next = 0;
  for (const { at, value } of created) {
    while (result.length < at && next < kept.length) result.push(kept[next++] ?? null);
    result.push(value);
  }
  for (; next < kept.length; next++) result.push(kept[next] ?? null);
  return result;
}

function rebuildObject(source: JsonObject, { children, added }: Edit): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(source)) {
    const edit = children.get(key);
    if (!edit?.deleted) setOwn(result, key, edit ? rebuild(value, edit) : value);
  }
  for (const { key, value } of added) setOwn(result, key, value);
  return result;
}
