// What a verb of the command line is, and how its words are read.
import type { Static, TObject } from "@sinclair/typebox";
import { parseArgs } from "node:util";
import type { ParseArgsConfig } from "node:util";
import type { App, AppOptions, AppRole } from "../app.ts";
import { ConfigError } from "../config.ts";
import type { Config, Environment } from "../config.ts";
import { Failure, reasonOf } from "../errors.ts";
import { readQuery } from "../http/query.ts";
import type { Log } from "../log.ts";

export interface Cli {
  env: Environment;
  /** A line on stdout: the answer. */
  print(line: string): void;
  /** A line on stderr: everything else. */
  say(line: string): void;
  /** The environment's config; throws ConfigError with every fault. */
  config(): Config;
  openApp(role: AppRole, options?: OpenOptions): Promise<App>;
  log(config: Config, process?: string): Log;
  /** Resolves at the first SIGTERM or SIGINT. */
  untilStopped(): Promise<NodeJS.Signals>;
  /** Calls the listener at each SIGHUP, which otherwise ends the process. */
  onHangUp(listener: () => void): void;
}

export interface OpenOptions extends Pick<AppOptions, "children" | "descriptor"> {
  /** Instead of what the environment says. */
  config?: Config;
  /** Name of this process in its log, where there are several. */
  process?: string;
}

export interface Verb {
  name: string;
  summary: string;
  /** Printed by --help, after the summary. */
  usage: string;
  /** The exit code. */
  run(args: string[], cli: Cli): Promise<number>;
}

/** Words that do not fit: exit code 2 and a hint at --help. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What a verb threw, in words that say what to do next. */
export function explain(error: unknown, verb: Pick<Verb, "name" | "usage">): string {
  if (error instanceof UsageError) return `${error.message}\n\n${verb.usage}`;
  if (error instanceof ConfigError)
    return `The configuration has faults:\n${error.problems.map((problem) => `  ${problem}`).join("\n")}\nmuster config lists every setting.`;
  if (error instanceof Failure) return error.detail ? `${error.message}\n${error.detail}` : error.message;
  return `muster ${verb.name} failed: ${reasonOf(error)}`;
}

type Options = NonNullable<ParseArgsConfig["options"]>;

/** Positionals and options of a verb; `--json` is understood everywhere. Unknown options are a UsageError. */
export function readArgs<const Given extends Options>(
  args: string[],
  options: Given,
  positionals: readonly string[] = [],
) {
  const parsed = parseStrictly(args, options);
  const extra = parsed.positionals[positionals.length];
  if (extra !== undefined) throw new UsageError(`Unexpected ${JSON.stringify(extra)}.`);
  const missing = positionals[parsed.positionals.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing.`);
  return { ...parsed.values, positionals: parsed.positionals, json: args.includes("--json") };
}

function parseStrictly<const Given extends Options>(args: string[], options: Given) {
  try {
    const known: Given & { json: { type: "boolean" } } = { ...options, json: { type: "boolean" } };
    return parseArgs({ args, options: known, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Reads options by the schema that the API reads its query with; `names` says where an option is called otherwise. */
export function readOptions<Schema extends TObject>(
  schema: Schema,
  given: Record<string, unknown>,
  names: Record<string, string> = {},
): Static<Schema> {
  try {
    return readQuery(schema, given);
  } catch (error) {
    const faults = error instanceof Failure ? error.data?.["faults"] : undefined;
    if (!faults) throw error;
    const sentences = Object.entries(faults).map(([name, fault]) => `--${names[name] ?? name} ${fault}.`);
    throw new UsageError(sentences.join("\n"));
  }
}

/** Names and versions are what appliances send: shown, they must neither break a line nor steer the terminal. */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Opens the app for one command and closes it whatever happens. */
export async function withApp<Result>(cli: Cli, work: (app: App) => Promise<Result>): Promise<Result> {
  const app = await cli.openApp("cli");
  try {
    return await work(app);
  } finally {
    await app.stop();
  }
}
