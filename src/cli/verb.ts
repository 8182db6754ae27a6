// Defines what a verb of the command line is, and what its actions share.
import type { Static, TObject } from "@sinclair/typebox";
import type { App, AppOptions } from "../app/open.ts";
import type { AppRole } from "../app/role.ts";
import type { Config } from "../app/settings.ts";
import type { Environment } from "../config/environment.ts";
import { ConfigError } from "../config/error.ts";
import { Failure, reasonOf } from "../errors.ts";
import { readQuery } from "../http/edge/query.ts";
import type { Log } from "../log.ts";
import type { Actor } from "../values/actor.ts";
import { hideUserinfos } from "../values/net/userinfo.ts";
import type { ProcessSignals } from "./signals.ts";
import { didYouMean } from "../values/similar.ts";
import { UsageError, readArguments } from "./arguments.ts";
import type { Flags, Given, Syntax } from "./arguments.ts";
import type { Progress, Unit } from "./terminal/progress.ts";
import { userName } from "./terminal/user.ts";

export { UsageError };

export interface Cli {
  /** The command without its arguments, such as `muster systems suspend`. */
  command: string;
  /** Its first argument that is no flag, or "". */
  target: string;
  /** Settings are read from it. */
  environment(): Environment;
  /** The file that completed it, if any. */
  settingsFile(): string | undefined;
  /** A line on stdout: the answer. */
  print(line: string): void;
  /** A line on stderr: everything else. After a part of the answer, it waits until all of the answer is printed. */
  say(line: string): void;
  /** The same, after everything else. */
  sayLast(line: string): void;
  /** Shows the progress of a long command on a terminal; nothing elsewhere, and nothing beside JSON. */
  progress(what: string, unit: Unit, json: boolean): Progress;
  /** Bytes on stdout, at the pace of their reader. Returns how many. */
  pour(bytes: AsyncIterable<Uint8Array>): Promise<number>;
  /** The environment's config; throws ConfigError with every fault. */
  config(): Config;
  openApp(role: AppRole, options?: OpenOptions): Promise<App>;
  log(config: Config, process?: string): Log;
  untilStopped: ProcessSignals["untilStopped"];
  onHangUp: ProcessSignals["onHangUp"];
}

interface OpenOptions extends Pick<AppOptions, "children" | "descriptor"> {
  /** Instead of what the environment says. */
  config?: Config;
  /** Name of this process in its log, where there are several. */
  process?: string;
}

/** Help, completion and the parser of arguments are all made from it. */
export interface Verb {
  name: string;
  summary: string;
  /** By the words that follow the verb's name: "add", "noise pin"; "" is the verb alone. */
  actions: Readonly<Record<string, Action>>;
  /** Former first words of actions, and what replaces them: they work until the next major version, and help hides them. */
  formerWords?: Readonly<Record<string, string>>;
  /** Printed by --help, after the syntax of each action. */
  notes?: string;
}

export interface Action extends Syntax {
  /** Printed by --help beside the syntax. */
  hint: string;
  /** The exit code. */
  run(args: string[], cli: Cli): Promise<number>;
}

type ActionOptions<Table extends Flags> = Partial<Syntax<Table>> & {
  hint?: string;
  run(given: Given<Table>, cli: Cli): Promise<number>;
};

export function action<const Table extends Flags = Record<never, true>>({
  flags,
  required = [],
  positionals = [],
  short = {},
  hint = "",
  run,
}: ActionOptions<Table>): Action {
  const syntax: Syntax<Table> = { flags: flags ?? ({} as Table), required, positionals, short };
  const runGiven: Action["run"] = async (args, cli) => {
    const given = readArguments(args, syntax);
    return run(given, { ...cli, target: given.positionals[0] ?? "" });
  };
  return { ...syntax, hint, run: runGiven };
}

interface FoundAction {
  words: string;
  action: Action;
  rest: string[];
  /** The former word that was given instead. */
  former?: string;
}

/** The longest of the verb's actions that the arguments begin with; a UsageError when there is none. */
export function findAction({ name, actions, formerWords = {} }: Verb, given: string[]): FoundAction {
  const [former = ""] = given;
  const word = Object.hasOwn(formerWords, former) ? formerWords[former] : undefined;
  const args = word === undefined ? given : [word, ...given.slice(1)];
  const lengthOf = (words: string) => (words === "" ? 0 : words.split(" ").length);
  const fits = (words: string) => words === args.slice(0, lengthOf(words)).join(" ");
  const words = Object.keys(actions)
    .filter(fits)
    .reduce((longest, one) => (one.length > longest.length ? one : longest), "");
  const action = actions[words];
  const rest = args.slice(lengthOf(words));
  const longer = Object.keys(actions).filter((one) => one !== words && one.startsWith(words));
  const isWord = rest[0] !== undefined && !rest[0].startsWith("-");
  if (action && !(isWord && longer.length > 0 && action.positionals.length === 0))
    return { words, action, rest, ...(word !== undefined && { former }) };
  if (!isWord) throw new UsageError(`Missing action: ${Object.keys(actions).join(", ")}.`);
  const asked = [...(words === "" ? [] : [words]), rest[0]].join(" ");
  throw new UsageError(`There is no "${name} ${asked}".${didYouMean(asked, longer)}`);
}

/** Turns what a verb threw into sentences that say what to do next. */
export function explain(error: unknown, name: string, usage = ""): string {
  if (error instanceof UsageError) return `${error.message}\n\n${usage}`;
  if (error instanceof ConfigError)
    return `The configuration has faults:\n${error.problems.map((problem) => `  ${problem}`).join("\n")}\nmuster config lists every setting.`;
  if (error instanceof Failure)
    return [
      error.message,
      ...(error.detail ? [hideUserinfos(error.detail)] : []),
      ...(error.code === "database.unavailable" ? ['"muster doctor" says what to do.'] : []),
    ].join("\n");
  return `muster ${name} failed: ${reasonOf(error)}`;
}

/** Reads options by the schema of the API's query; `names` has the options that are named differently. */
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

/** Escapes text from appliances, which must neither break a line nor control the terminal. */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** What a command does with the app, in whose name. */
type Work<Result> = (app: App, actor: Actor) => Promise<Result>;

/** Opens the app for one command and closes it whatever happens. */
export async function withApp<Result>(cli: Cli, work: Work<Result>): Promise<Result> {
  const app = await cli.openApp("cli");
  try {
    return await work(app, whoRuns());
  } finally {
    await app.stop();
  }
}

/** The same for a command that changes data; it prints which installation it changed, since the settings may be the wrong ones. */
export async function changeApp<Result>(cli: Cli, work: Work<Result>): Promise<Result> {
  return withApp(cli, async (app, actor) => {
    // A gateway that cannot be told must not turn a change that was made into a failure.
    const tell = (outcome: string, made?: unknown) =>
      app.commands.tellChange({ who: actor, what: cli.command, target: cli.target, outcome }, made).catch(() => {});
    try {
      const result = await work(app, actor);
      sayChanged(cli, app.about.runsOn.installation);
      await tell("done", result);
      return result;
    } catch (error) {
      await tell(reasonOf(error));
      throw error;
    }
  });
}

function whoRuns(): Actor {
  const name = userName();
  return { kind: "cli", id: name, name, role: "owner", organizations: "all" };
}

export const sayChanged = (cli: Cli, installation: string) => cli.sayLast(`Changed: ${installation}.`);
