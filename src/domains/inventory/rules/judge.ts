// Compares two stored documents and judges what changed: category, severity, significance, and what was only not collected.
import { formatPointer, parsePointer } from "../../../values/json/pointer.ts";
import { getOwn, isObject, parseExact } from "../../../values/json/value.ts";
import type { JsonObject, JsonValue } from "../../../values/json/value.ts";
import type { Suppression } from "../../noise/index.ts";
import { compareDocuments } from "../diff/diff.ts";
import type { Change } from "../diff/diff.ts";
import { findGaps } from "../diff/gaps.ts";
import type { Classified, Rules } from "./rules.ts";

export interface ComparedChange {
  pointer: string;
  fieldPath: string;
  /** JSON text of its array elements; null when there are none on the way. */
  elements: string | null;
  changeType: "create" | "update" | "delete";
  category: string;
  severity: string;
  significant: boolean;
  /** Learned noise may suppress it. */
  suppressible: boolean;
  /** Why it is not significant; null for a significant one. */
  suppressedBy: Suppression | null;
  /** JSON text; null when there was no value. */
  previousValue: string | null;
  currentValue: string | null;
}

/** A record's text, and its document, which is parsed when it is asked for. Nobody changes it: several steps may share one. */
export interface StoredDocument {
  text: string;
  document(): JsonObject;
}

/** Parses at each call, and holds nothing: a round has many documents, which are wanted one after the other. */
export const storedDocument = (text: string): StoredDocument => ({ text, document: () => parseStored(text) });

export const compareTexts = (previous: string, current: string, rules: Rules): ComparedChange[] =>
  compareStored(storedDocument(previous), storedDocument(current), rules);

export function compareStored(before: StoredDocument, after: StoredDocument, rules: Rules): ComparedChange[] {
  const [previous, current] = [before.document(), after.document()];
  return classifyAll(rules, compareDocuments(previous, current), previous, current).map((change) => ({
    pointer: change.pointer,
    fieldPath: change.fieldPath,
    elements: change.elements.length > 0 ? JSON.stringify(change.elements) : null,
    changeType: change.changeType,
    category: change.category,
    severity: change.severity,
    significant: change.significant,
    suppressible: change.suppressible,
    suppressedBy: suppressionOf(change),
    previousValue: textOf(change.previousValue),
    currentValue: textOf(change.currentValue),
  }));
}

function suppressionOf({ significant, partial }: { significant: boolean; partial: boolean }): Suppression | null {
  if (partial) return "partial";
  return significant ? null : "rule";
}

function parseStored(text: string): JsonObject {
  const value = parseExact(text);
  if (!isObject(value)) throw new Error("a stored inventory is not an object");
  return value;
}

const textOf = (value: JsonValue | undefined): string | null => (value === undefined ? null : JSON.stringify(value));

/**
 * The comparison itself stays exact, so that changes replay; a change at or below a part that either document did not collect
 * is kept, but marked partial, low and not significant. What changes while a part is not collected is therefore seen in the
 * documents and in the rows, and alarms nobody.
 */
export function classifyAll(
  rules: Rules,
  changes: readonly Change[],
  previous: JsonObject,
  current: JsonObject,
): Classified[] {
  const gaps = [...findGaps(current, previous), ...findGaps(previous, current, { isEarlier: true })];
  const places = new Set(gaps.map((gap) => formatPointer(gap.path)));
  return changes.map((change) => {
    const classification = rules.classify(change);
    const partial = places.size > 0 && isInGap(change, places, previous, current);
    return partial
      ? { ...change, ...classification, severity: "low", significant: false, partial }
      : { ...change, ...classification, partial };
  });
}

/** Gaps are at most this many segments deep: `facts`, `modules`, a module, one of its facts. */
const MAX_GAP_DEPTH = 4;

function isInGap(change: Change, places: Set<string>, previous: JsonObject, current: JsonObject): boolean {
  const path = namedPath(change, change.changeType === "delete" ? previous : current).slice(0, MAX_GAP_DEPTH);
  return path.some((_segment, level) => places.has(formatPointer(path.slice(0, level + 1))));
}

/** The pointer's segments, with the module's id in place of its index. */
function namedPath({ pointer }: Change, document: JsonObject): string[] {
  const path = parsePointer(pointer);
  const facts = getOwn(document, "facts");
  const modules = isObject(facts) ? getOwn(facts, "modules") : undefined;
  if (path[0] !== "facts" || path[1] !== "modules" || path[2] === undefined || !Array.isArray(modules)) return path;
  const module = modules[Number(path[2])];
  const id = isObject(module) ? getOwn(module, "id") : undefined;
  return typeof id === "string" ? path.with(2, id) : path;
}
