// argv in, exit code out: finds the verb, and turns whatever it throws into words that say what to do next.
import { openApp } from "../app.ts";
import { parseConfig } from "../config.ts";
import type { Config, Environment } from "../config.ts";
import { openLog } from "../log.ts";
import { backups } from "./backups.ts";
import { config } from "./config.ts";
import { doctor } from "./doctor.ts";
import { dump } from "./dump.ts";
import { health } from "./health.ts";
import { importVerb } from "./import.ts";
import { install, uninstall } from "./install.ts";
import { inventory } from "./inventory.ts";
import { migrate } from "./migrate.ts";
import { organizations } from "./organizations.ts";
import { processVerb } from "./process.ts";
import { queues } from "./queues.ts";
import { restore } from "./restore.ts";
import { serve } from "./serve.ts";
import { simulate } from "./simulate.ts";
import { systems } from "./systems.ts";
import { tokens } from "./tokens.ts";
import { explain, UsageError } from "./verb.ts";
import type { Cli, Verb } from "./verb.ts";
import { VERSION, version } from "./version.ts";

const VERBS: Verb[] = [
  serve,
  systems,
  organizations,
  inventory,
  backups,
  tokens,
  queues,
  dump,
  restore,
  importVerb,
  doctor,
  health,
  install,
  uninstall,
  migrate,
  config,
  simulate,
  version,
];

/** Not for people: what a supervisor starts. */
const INTERNAL_VERBS: Verb[] = [processVerb];

/** 0 done, 1 failed, 2 misused. */
export async function run(argv: string[], env: Environment): Promise<number> {
  const answer: string[] = [];
  const code = await dispatch(argv, cliOf(env, answer));
  await writeAnswer(answer);
  return code;
}

async function dispatch([name = "help", ...args]: string[], cli: Cli): Promise<number> {
  if (name === "--help" || name === "-h") return help(undefined, cli);
  if (name === "help") return help(args[0], cli);
  if (name === "--version" || name === "-v") return version.run([], cli);
  const verb = [...VERBS, ...INTERNAL_VERBS].find((one) => one.name === name);
  if (!verb || args.includes("--help") || args.includes("-h")) return help(name, cli);
  try {
    return await verb.run(args, cli);
  } catch (error) {
    cli.say(explain(error, verb));
    return error instanceof UsageError ? 2 : 1;
  }
}

function help(name: string | undefined, cli: Cli): number {
  const verb = VERBS.find((one) => one.name === name);
  if (name !== undefined && !verb) {
    cli.say(`There is no verb ${JSON.stringify(name)}. "muster help" lists them.`);
    return 2;
  }
  const list = VERBS.map((one) => `  ${one.name.padEnd(13)} ${one.summary}`).join("\n");
  cli.print(
    verb
      ? `${verb.summary}\n\n${verb.usage}`
      : `muster ${VERSION}: appliance gateway\n\n${list}\n\nmuster <verb> --help says more. Settings come from the environment: muster config.`,
  );
  return 0;
}

/** All at once and awaited: process.stdout loses what a slow reader has not taken when the process ends. */
async function writeAnswer(lines: string[]): Promise<void> {
  if (lines.length === 0) return;
  try {
    await Bun.write(Bun.stdout, lines.map((line) => `${line}\n`).join(""));
  } catch (error) {
    // The reader had enough, as `| head` does.
    if (!(error instanceof Error && "code" in error && error.code === "EPIPE")) throw error;
  }
}

function cliOf(env: Environment, answer: string[]): Cli {
  const config = () => parseConfig(env);
  return {
    env,
    config,
    print: (line) => void answer.push(line),
    say: (line) => void process.stderr.write(`${line}\n`),
    openApp(role, { config: parsed = config(), process: name, ...parts } = {}) {
      // A command's own answer is what counts; of the log only what went wrong.
      const level = role === "cli" && parsed.logLevel === "info" ? "warn" : parsed.logLevel;
      const log = openLog({ level, format: parsed.logFormat, process: name });
      return openApp(parsed, { role, log, version: VERSION, ...parts });
    },
    log: ({ logLevel: level, logFormat: format }: Config, name) => openLog({ level, format, process: name }),
    untilStopped() {
      const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, resolve);
      return promise;
    },
    onHangUp: (listener) => void process.on("SIGHUP", listener),
  };
}
