// Reads the text of INVENTORY_RULES_FILE: what it says replaces the built-in rules section by section, every fault is named.
import { type Static, type TProperties, type TSchema, Type } from "@sinclair/typebox";
import { Value, ValueErrorType } from "@sinclair/typebox/value";
import { JsonFault, parseJsonText } from "../../../values/json/parse.ts";
import { shown } from "../../../values/shown.ts";
import { BUILTIN_RULES } from "./builtin-rules.ts";
import { parseFieldPath } from "../../../values/json/pointer.ts";
import { SEVERITIES } from "../../../values/severity.ts";
import { CATEGORIES, type RuleSet, SIGNIFICANCES } from "./rules.ts";
import { findSyntaxFault, positionOf } from "../../../values/json/syntax.ts";

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
  const problems = findProblems(RulesFile, file, findPatternFaults(file));
  if (problems.length > 0 || !Value.Check(RulesFile, file)) throw new RulesFault(problems);
  return { ...BUILTIN_RULES, ...file };
}

/** Sections of the same file that another domain reads. */
export interface GuestSections<Policy> {
  /** One schema a section. A section can also be the name of another file that holds it. */
  sections: TProperties;
  /** What the schemas cannot say, as place and fault. */
  findFaults(sections: Record<string, unknown>): [place: string, fault: string][];
  read(sections: Record<string, unknown>): Policy;
}

/** The rules, and what the guest reads of the file. `open` gives the text of another file; every fault of all files is named. */
export function parseRulesWith<Policy>(text: string, guest: GuestSections<Policy>, open: (path: string) => string) {
  const file = parseJson(text);
  if (!isRecord(file)) return { ruleSet: parseRules(text), policy: guest.read({}) };
  const isGuests = (name: string) => Object.hasOwn(guest.sections, name);
  const { own = [], theirs = [] } = Object.groupBy(Object.entries(file), ([name]) =>
    isGuests(name) ? "theirs" : "own",
  );
  const problems: string[] = [];
  const collect = <Result>(work: () => Result): Result | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof RulesFault)) throw error;
      problems.push(...error.problems);
    }
  };
  const ruleSet = collect(() => parseRules(JSON.stringify(Object.fromEntries(own))));
  const sections: Record<string, unknown> = {};
  for (const [name, value] of theirs)
    sections[name] = typeof value === "string" ? collect(() => parseJson(open(value), `${value}: `)) : value;
  const schema = Type.Partial(Type.Object(guest.sections));
  const opened = Object.fromEntries(Object.entries(sections).filter(([, value]) => value !== undefined));
  const places = new Map(theirs.flatMap(([name, value]) => (typeof value === "string" ? [[`/${name}`, value]] : [])));
  for (const problem of findProblems(schema, opened, guest.findFaults(opened))) {
    const [, place = ""] = /^(\/[^/:]*)/.exec(problem) ?? [];
    const elsewhere = places.get(place);
    problems.push(elsewhere === undefined ? problem : `${elsewhere}: ${problem.slice(place.length)}`);
  }
  if (problems.length > 0 || !ruleSet) throw new RulesFault(problems);
  return { ruleSet, policy: guest.read(opened) };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

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
const Scalar = Type.Union([Type.String({ maxLength: 200 }), Type.Number(), Type.Boolean(), Type.Null()]);
const Values = Type.Array(Scalar, { minItems: 1, description: "a list of texts, numbers, true, false or null" });
const strict = { additionalProperties: false };

const RulesFile = Type.Partial(
  Type.Object({
    categories: Type.Array(Type.Object({ path: Path, category: oneOf(CATEGORIES) }, strict)),
    severities: Type.Array(
      Type.Object(
        { path: Path, change: Type.Optional(Changes), to: Type.Optional(Values), severity: oneOf(SEVERITIES) },
        strict,
      ),
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
    critical_change: Type.Object(
      {
        enabled: Type.Boolean({ description: "true or false" }),
        resolve_after_days: Type.Integer({
          minimum: 1,
          maximum: 3650,
          description: "a whole number of days from 1 to 3650",
        }),
      },
      strict,
    ),
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

/** `file` says whose text it is, where that is not the rules file itself. */
function parseJson(text: string, file = ""): unknown {
  try {
    return parseJsonText(text);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    const fault = findSyntaxFault(text);
    const reason = fault ? `${fault.reason}, at ${positionOf(text, fault.at)}` : error.message;
    throw new RulesFault([`${file}not JSON: ${reason}`]);
  }
}

/** One problem a place: TypeBox reports an absent key both as absent and as of the wrong type. */
function findProblems(schema: TSchema, file: unknown, faults: [place: string, fault: string][]): string[] {
  const problems = new Map<string, string>();
  for (const { path, value, schema: expected, type } of Value.Errors(schema, file)) {
    if (problems.has(path)) continue;
    problems.set(
      path,
      `${path || "/"}: ${found(value)}, expected ${type === ValueErrorType.ObjectAdditionalProperties ? "no such key" : expectation(expected)}`,
    );
  }
  for (const [place, fault] of faults) if (!problems.has(place)) problems.set(place, `${place}: ${fault}`);
  return [...problems.values()];
}

const expectation = (schema: TSchema): string =>
  schema.description ?? (schema.type === "array" ? "a list" : "an object");

function found(value: unknown): string {
  if (value === undefined) return "missing";
  const text = shown(value, 81);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** What a schema cannot say: an empty segment, or a quote that never ends, would make a rule that matches nothing. */
function findPatternFaults(file: unknown): [string, string][] {
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
