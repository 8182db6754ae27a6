// Reads the words of one action by its table of flags and positionals.
import { parseArgs } from "node:util";
import { didYouMean } from "../values/similar.ts";

/** By name: `true` is a switch, a text names the value (`"ID"`, or its choices: `"dead|active"`), one in a list may be repeated. */
export type Flags = Readonly<Record<string, true | string | readonly [string]>>;

export type Given<Table extends Flags> = {
  [Name in keyof Table]?: Table[Name] extends true ? boolean : Table[Name] extends string ? string : string[];
} & { positionals: string[]; json: boolean };

export interface Syntax<Table extends Flags = Flags> {
  flags: Table;
  /** Flags without which it makes no sense. */
  required: readonly (keyof Table & string)[];
  /** Names of what stands without a flag; `[ID]` may be left out. */
  positionals: readonly string[];
  /** One-letter names of flags. */
  short: Readonly<Record<string, keyof Table & string>>;
}

/** Words that do not fit: exit code 2 and a hint at --help. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** `--json` is understood everywhere. */
export function readArguments<Table extends Flags>(args: string[], syntax: Syntax<Table>): Given<Table> {
  const { flags, required, positionals, short } = syntax;
  const letters = new Map(Object.entries(short).map(([letter, name]) => [name as string, letter]));
  const options = Object.fromEntries(
    Object.entries({ ...flags, json: true as const }).map(([name, value]) => {
      const letter = letters.get(name);
      const type = value === true ? ("boolean" as const) : ("string" as const);
      return [name, { type, multiple: typeof value === "object", ...(letter !== undefined && { short: letter }) }];
    }),
  );
  refuseUnknown(args, options);
  const parsed = parseStrictly(args, options);
  const extra = parsed.positionals[positionals.length];
  if (extra !== undefined) throw new UsageError(`Unexpected ${JSON.stringify(extra)}.`);
  const missing = positionals[parsed.positionals.length];
  if (missing !== undefined && !missing.startsWith("[")) throw new UsageError(`${missing} is missing.`);
  for (const name of required) if (!parsed.values[name]) throw new UsageError(`--${name} is missing.`);
  const { json = false, ...values } = parsed.values;
  return { ...values, positionals: parsed.positionals, json } as Given<Table>;
}

type Options = Record<string, { type: "boolean" | "string"; multiple: boolean; short?: string }>;

function refuseUnknown(args: string[], options: Options): void {
  const { tokens } = parseArgs({ args, options, allowPositionals: true, strict: false, tokens: true });
  for (const token of tokens)
    if (token.kind === "option" && !Object.hasOwn(options, token.name)) {
      const known = Object.keys(options).map((name) => `--${name}`);
      throw new UsageError(`There is no option ${token.rawName}.${didYouMean(`--${token.name}`, known)}`);
    }
}

function parseStrictly(args: string[], options: Options) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
