// Reads the text of INVENTORY_RULES_FILE: what it says replaces the built-in rules section by section, every fault is named.
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value, ValueErrorType } from "@sinclair/typebox/value";
import { BUILTIN_RULES } from "./builtin-rules.ts";
import { parseFieldPath } from "./pointer.ts";
import { CATEGORIES, type RuleSet, SEVERITIES, SIGNIFICANCES } from "./rules.ts";
import { findSyntaxFault, positionOf } from "./syntax.ts";

/** Every fault as "path: value, what is expected". */
export class RulesFault extends Error {
  override readonly name = "RulesFault";
  constructor(readonly problems: string[]) {
    const count = problems.length === 1 ? "a fault" : `${problems.length} faults`;
    super(`the inventory rules have ${count}:\n  ${problems.join("\n  ")}`);
  }
}

export function parseRules(text: string): RuleSet {
  const file = parseJson(text);
  const problems = schemaProblems(file);
  if (problems.length > 0 || !Value.Check(RulesFile, file)) throw new RulesFault(problems);
  return { ...BUILTIN_RULES, ...file };
}

function oneOf<const Names extends readonly string[]>(names: Names) {
  const literals = names.map((name) => Type.Literal(name));
  return Type.Unsafe<Names[number]>(Type.Union(literals, { description: `one of ${names.join(", ")}` }));
}

const MAX_PATH_LENGTH = 500;
const Path = Type.String({
  minLength: 1,
  maxLength: MAX_PATH_LENGTH,
  description: "segments joined with dots, such as facts.modules.*.version",
});
const ChangeName = oneOf(["create", "update", "delete"]);
const Changes = Type.Array(ChangeName, { minItems: 1, description: "a list of create, update, delete" });
const strict = { additionalProperties: false };

const RulesFile = Type.Partial(
  Type.Object({
    categories: Type.Array(Type.Object({ path: Path, category: oneOf(CATEGORIES) }, strict)),
    severities: Type.Array(
      Type.Object({ path: Path, change: Type.Optional(Changes), severity: oneOf(SEVERITIES) }, strict),
    ),
    significance: Type.Array(
      Type.Object({ path: Path, change: Type.Optional(Changes), significance: oneOf(SIGNIFICANCES) }, strict),
    ),
    important: Type.Object(
      {
        severities: Type.Array(oneOf(SEVERITIES)),
        categories: Type.Array(oneOf(CATEGORIES)),
        changes: Type.Array(ChangeName),
      },
      strict,
    ),
    numeric_change_percent: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1000,
      description: "a number above 0, at most 1000",
    }),
    notify: Type.Array(
      Type.Object(
        {
          min_severity: oneOf(SEVERITIES),
          categories: Type.Optional(
            Type.Array(oneOf(CATEGORIES), { minItems: 1, description: "a list of one category or more" }),
          ),
        },
        strict,
      ),
    ),
  }),
  { ...strict, description: "an object with the sections of the rules" },
);
type RulesFile = Static<typeof RulesFile>;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    const fault = findSyntaxFault(text);
    const reason = fault ? `${fault.reason}, at ${positionOf(text, fault.at)}` : String(error);
    throw new RulesFault([`not JSON: ${reason}`]);
  }
}

/** One problem a place: TypeBox reports an absent key both as absent and as of the wrong type. */
function schemaProblems(file: unknown): string[] {
  const problems = new Map<string, string>();
  for (const { path, value, schema, type } of Value.Errors(RulesFile, file)) {
    if (problems.has(path)) continue;
    problems.set(
      path,
      `${path || "/"}: ${found(value)}, expected ${type === ValueErrorType.ObjectAdditionalProperties ? "no such key" : expectation(schema)}`,
    );
  }
  for (const [place, fault] of patternFaults(file)) if (!problems.has(place)) problems.set(place, `${place}: ${fault}`);
  return [...problems.values()];
}

const expectation = (schema: TSchema): string =>
  schema.description ?? (schema.type === "array" ? "a list" : "an object");

function found(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** What a schema cannot say: an empty segment, or a quote that never ends, would make a rule that matches nothing. */
function patternFaults(file: unknown): [string, string][] {
  if (typeof file !== "object" || file === null) return [];
  return Object.entries(file).flatMap(([section, rules]) =>
    Array.isArray(rules)
      ? rules.flatMap((rule: unknown, at): [string, string][] => {
          const path = typeof rule === "object" && rule !== null && "path" in rule ? rule.path : undefined;
          if (typeof path !== "string" || path === "" || isPattern(path)) return [];
          return [[`/${section}/${at}/path`, `${found(path)}, expected ${Path.description}, without empty segments`]];
        })
      : [],
  );
}

function isPattern(path: string): boolean {
  try {
    return parseFieldPath(path).every((segment) => segment !== "");
  } catch {
    return false;
  }
}
