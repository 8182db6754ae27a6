// Two stored texts in, classified changes with their values as JSON text out.
import { compareDocuments } from "../diff/diff.ts";
import { isObject, parseExact } from "../../../values/json/value.ts";
import type { JsonObject, JsonValue } from "../../../values/json/value.ts";
import { classifyAll } from "../diff/gaps.ts";
import type { Suppression } from "../../noise/index.ts";
import type { Rules } from "./rules.ts";

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

export function compareTexts(previousText: string, currentText: string, rules: Rules): ComparedChange[] {
  const [previous, current] = [parseStored(previousText), parseStored(currentText)];
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
