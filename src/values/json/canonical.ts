// Writes canonical JSON: one text for a value, whatever the order of its keys; a record's hash is taken over it.
import { isExact, type JsonObject, type JsonValue } from "./value.ts";

interface Canonical {
  text: string;
  /** Members of all objects together; fewer than the sender wrote means that keys were repeated. */
  members: number;
}

/** Keys sorted by UTF-16 code unit, no blanks, numbers as JavaScript prints them (exact ones as written), arrays in order. */
export function canonicalJson(value: JsonValue): Canonical {
  const writer: Writer = { members: 0, shapes: new Map() };
  return { text: write(value, writer), members: writer.members };
}

/** Lowercase hexadecimal SHA-256. */
export const sha256 = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");

interface Writer {
  members: number;
  /** Inventories repeat objects of one shape, so the sorted keys of the last one with that first key are kept. */
  shapes: Map<string, Shape>;
}

interface Shape {
  keys: string[];
  sorted: string[];
  quoted: string[];
}

function write(value: JsonValue, writer: Writer): string {
  if (typeof value === "string") return quote(value);
  if (typeof value !== "object" || value === null) return value === 0 ? "0" : String(value);
  if (Array.isArray(value)) {
    let text = "[";
    for (let at = 0; at < value.length; at++) text += (at === 0 ? "" : ",") + write(value[at] ?? null, writer);
    return `${text}]`;
  }
  if (isExact(value)) return value.rawJSON;
  const { sorted, quoted } = shapeOf(value, writer);
  writer.members += sorted.length;
  let text = "{";
  for (let at = 0; at < sorted.length; at++)
    text += (quoted[at] ?? "") + write(value[sorted[at] ?? ""] ?? null, writer);
  return `${text}}`;
}

function shapeOf(value: JsonObject, writer: Writer): Shape {
  const keys = Object.keys(value);
  const known = writer.shapes.get(keys[0] ?? "");
  if (known && sameKeys(known.keys, keys)) return known;
  const sorted = keys.toSorted();
  const shape = { keys, sorted, quoted: sorted.map((key, at) => `${at === 0 ? "" : ","}${JSON.stringify(key)}:`) };
  writer.shapes.set(keys[0] ?? "", shape);
  return shape;
}

function sameKeys(left: string[], right: string[]): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}

const NEEDS_ESCAPE = /[^ !#-[\]-~\u00a0-\ud7ff\ue000-\uffff]/;
const quote = (text: string) => (NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`);
