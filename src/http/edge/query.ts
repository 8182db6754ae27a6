// Checks query strings against a TypeBox schema; every fault is named with the value that has it.
import { FormatRegistry } from "@sinclair/typebox";
import type { Static, TObject } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { Failure } from "../../errors.ts";
import { shown } from "../../values/shown.ts";
import { readTime } from "../../values/time.ts";

FormatRegistry.Set("date-time", (text) => readTime(text) !== undefined);

/** A query that names something twice says two things, of which every reader on the way may take another. */
export function refuseRepeated(url: string): void {
  const start = url.indexOf("?");
  if (start === -1) return;
  const seen = new Set<string>();
  const faults = noFaults();
  for (const name of new URLSearchParams(url.slice(start)).keys()) {
    if (seen.has(name)) faults[name.slice(0, MAX_NAME_LENGTH)] = "is given twice";
    if (Object.keys(faults).length >= MAX_FAULTS) break;
    seen.add(name);
  }
  if (Object.keys(faults).length > 0) refuse(faults);
}

/** An answer stays short, whatever it refuses. */
const MAX_FAULTS = 20;
const MAX_NAME_LENGTH = 100;
/** By name, also by one like `__proto__`. */
const noFaults = (): Record<string, string> => Object.create(null);

function refuse(faults: Record<string, string>): never {
  const sentence = Object.entries(faults)
    .map(([name, fault]) => `${name} ${fault}`)
    .join("; ");
  throw new Failure("request.query", 400, `invalid query: ${sentence}`, { data: { faults } });
}

/** The query as the schema's type, or a Failure 400 that lists every unknown name and every bad value. */
export function readQuery<Schema extends TObject>(schema: Schema, query: Record<string, unknown>): Static<Schema> {
  const faults = noFaults();
  for (const name of Object.keys(query)) {
    if (Object.keys(faults).length >= MAX_FAULTS) break;
    if (!Object.hasOwn(schema.properties, name))
      faults[name.slice(0, MAX_NAME_LENGTH)] =
        `is not known here; known are ${Object.keys(schema.properties).join(", ")}`;
  }
  const given = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ""));
  for (const [name, value] of Object.entries(given)) {
    if (String(value).includes("\0")) faults[name] ??= "must not hold U+0000";
  }
  const converted = Value.Default(schema, readScalars(schema, given));
  for (const fault of Value.Errors(schema, converted)) {
    const name = fault.path.slice(1);
    faults[name] ??= `${expectation(fault.schema)}, got ${shown(given[name])}`;
  }
  if (Object.keys(faults).length > 0) refuse(faults);
  return converted as Static<Schema>;
}

/** Whole numbers, booleans and times as one writes them: `1.5`, `0x10` and `yes` stay text, and are refused. */
function readScalars(schema: TObject, given: Record<string, unknown>): Record<string, unknown> {
  const read = (name: string, value: unknown): unknown => {
    const type: unknown = schema.properties[name]?.["type"];
    if (typeof value !== "string") return value;
    // In UTC, since PostgreSQL does not know every offset that RFC 3339 does.
    if (schema.properties[name]?.["format"] === "date-time") return readTime(value) ?? value;
    if (type === "integer" && /^-?\d{1,15}$/.test(value)) return Number(value);
    if (type === "boolean" && /^(true|false)$/.test(value)) return value === "true";
    return value;
  };
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, read(name, value)]));
}

/** What a schema asks for, in words: "must be a whole number from 1 to 200". */
export function expectation(schema: Record<string, unknown>): string {
  if (Array.isArray(schema["anyOf"])) return `must be one of ${alternatives(schema).join(", ")}`;
  if ("const" in schema) return `must be ${JSON.stringify(schema["const"])}`;
  const bounds = [
    "minimum" in schema ? ` from ${schema["minimum"]}` : "",
    "maximum" in schema ? ` to ${schema["maximum"]}` : "",
    "maxLength" in schema ? ` of ${schema["minLength"] ?? 0} to ${schema["maxLength"]} characters` : "",
  ].join("");
  if (schema["type"] === "boolean") return "must be true or false";
  if (schema["type"] === "integer") return `must be a whole number${bounds}`;
  if (schema["format"] === "date-time") return "must be a date and time such as 2026-01-31T10:00:00Z";
  if (typeof schema["pattern"] === "string") return `must look like ${schema["pattern"]}`;
  return `must be ${schema["type"] === "object" ? "an object" : `a ${String(schema["type"] ?? "value")}`}${bounds}`;
}

/** A choice within a choice is one of all of them. */
const alternatives = (schema: Record<string, unknown>): string[] =>
  Array.isArray(schema["anyOf"]) ? schema["anyOf"].flatMap(alternatives) : [String(schema["const"] ?? schema["type"])];
