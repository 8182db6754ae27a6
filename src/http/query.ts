// Query strings and path ids, checked against a TypeBox schema; every fault is named with the value that has it.
import { FormatRegistry } from "@sinclair/typebox";
import type { Static, TObject } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { Failure } from "../errors.ts";

/** RFC 3339 as JavaScript reads it; a time that Date refuses is no time. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/i;
FormatRegistry.Set("date-time", (text) => DATE_TIME.test(text) && !Number.isNaN(Date.parse(text)));

/** The query as the schema's type, or a Failure 400 that lists every unknown name and every bad value. */
export function readQuery<Schema extends TObject>(schema: Schema, query: Record<string, unknown>): Static<Schema> {
  const faults: Record<string, string> = {};
  for (const name of Object.keys(query)) {
    if (!(name in schema.properties))
      faults[name] = `is not known here; known are ${Object.keys(schema.properties).join(", ")}`;
  }
  const given = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ""));
  const converted = Value.Convert(schema, Value.Default(schema, given));
  for (const fault of Value.Errors(schema, converted)) {
    const name = fault.path.slice(1);
    faults[name] ??= `${expectation(fault.schema)}, got ${JSON.stringify(given[name] ?? null)}`;
  }
  if (Object.keys(faults).length > 0) {
    const sentence = Object.entries(faults)
      .map(([name, fault]) => `${name} ${fault}`)
      .join("; ");
    throw new Failure("request.query", 400, `invalid query: ${sentence}`, { data: { faults } });
  }
  return converted as Static<Schema>;
}

/** What a schema asks for, in words: "must be a whole number from 1 to 200". */
export function expectation(schema: Record<string, unknown>): string {
  if (Array.isArray(schema["anyOf"]))
    return `must be one of ${schema["anyOf"].map((one) => String(one.const ?? one.type)).join(", ")}`;
  if ("const" in schema) return `must be ${JSON.stringify(schema["const"])}`;
  const bounds = [
    "minimum" in schema ? ` from ${schema["minimum"]}` : "",
    "maximum" in schema ? ` to ${schema["maximum"]}` : "",
    "minLength" in schema ? ` of at least ${schema["minLength"]} characters` : "",
    "maxLength" in schema ? ` of at most ${schema["maxLength"]} characters` : "",
  ].join("");
  if (schema["type"] === "integer") return `must be a whole number${bounds}`;
  if (schema["format"] === "date-time") return "must be a date and time such as 2026-01-31T10:00:00Z";
  if (typeof schema["pattern"] === "string") return `must look like ${schema["pattern"]}`;
  return `must be a ${String(schema["type"] ?? "value")}${bounds}`;
}
