// Two stored texts in, classified changes with their values as JSON text out.
import { compareDocuments } from "./diff.ts";
import { isObject, parseExact } from "./json.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { classifyAll } from "./partial.ts";
import type { Rules } from "./rules.ts";

export interface ComparedChange {
  pointer: string;
  fieldPath: string;
  changeType: "create" | "update" | "delete";
  category: string;
  severity: string;
  significant: boolean;
  /** JSON text; null when there was no value. */
  previousValue: string | null;
  currentValue: string | null;
}

export function compareTexts(previousText: string, currentText: string, rules: Rules): ComparedChange[] {
  const [previous, current] = [parseStored(previousText), parseStored(currentText)];
  return classifyAll(rules, compareDocuments(previous, current), previous, current).map((change) => ({
    pointer: change.pointer,
    fieldPath: change.fieldPath,
    changeType: change.changeType,
    category: change.category,
    severity: change.severity,
    significant: change.significant,
    previousValue: textOf(change.previousValue),
    currentValue: textOf(change.currentValue),
  }));
}

function parseStored(text: string): JsonObject {
  const value = parseExact(text);
  if (!isObject(value)) throw new Error("a stored inventory is not an object");
  return value;
}

const textOf = (value: JsonValue | undefined): string | null => (value === undefined ? null : JSON.stringify(value));
