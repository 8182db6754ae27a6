// argv in, exit code out: finds the verb, and turns whatever it throws into words that say what to do next.
import { openApp } from "../app.ts";
import { ConfigError, parseConfig } from "../config.ts";
import type { Environment } from "../config.ts";
import { Failure, reasonOf } from "../errors.ts";
import { openLog } from "../log.ts";
import { config } from "./config.ts";
import { doctor } from "./doctor.ts";
import { migrate } from "./migrate.ts";
import { queues } from "./queues.ts";
import { serve } from "./serve.ts";
import { systems } from "./systems.ts";
import { tokens } from "./tokens.ts";
import { UsageError } from "./verb.ts";
import type { Cli, Verb } from "./verb.ts";
import { VERSION, version } from "./version.ts";

const VERBS: Verb[] = [serve, systems, tokens, queues, doctor, migrate, config, version];

/** 0 done, 1 failed, 2 misused. */
export async function run(argv: string[], env: Environment): Promise<number> {
  const [name = "help", ...args] = argv;
  if (name === "help" || name === "--help" || name === "-h") return help(args[0]);
  if (name === "--version" || name === "-v") return version.run([], cliOf(env));
  const verb = VERBS.find((one) => one.name === name);
  if (!verb) {
    process.stderr.write(`There is no verb ${JSON.stringify(name)}. "muster help" lists them.\n`);
    return 2;
  }
  if (args.includes("--help") || args.includes("-h")) return help(verb.name);
  try {
    return await verb.run(args, cliOf(env));
  } catch (error) {
    process.stderr.write(`${explain(error, verb)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

function help(name: string | undefined): number {
  const verb = VERBS.find((one) => one.name === name);
  const list = VERBS.map((one) => `  ${one.name.padEnd(9)} ${one.summary}`).join("\n");
  const text = verb
    ? `${verb.summary}\n\n${verb.usage}`
    : `muster ${VERSION}: appliance gateway\n\n${list}\n\nmuster <verb> --help says more. Settings come from the environment: muster config.`;
  process.stdout.write(`${text}\n`);
  return 0;
}

function explain(error: unknown, verb: Verb): string {
  if (error instanceof UsageError) return `${error.message}\n\n${verb.usage}`;
  if (error instanceof ConfigError)
    return `The configuration has faults:\n${error.problems.map((problem) => `  ${problem}`).join("\n")}\nmuster config lists every setting.`;
  if (error instanceof Failure) return error.detail ? `${error.message}\n${error.detail}` : error.message;
  return `muster ${verb.name} failed: ${reasonOf(error)}`;
}

function cliOf(env: Environment): Cli {
  const config = () => parseConfig(env);
  return {
    env,
    config,
    print: (line) => void process.stdout.write(`${line}\n`),
    say: (line) => void process.stderr.write(`${line}\n`),
    openApp(role) {
      const parsed = config();
      // A command's own answer is what counts; of the log only what went wrong.
      const level = role === "cli" && parsed.logLevel === "info" ? "warn" : parsed.logLevel;
      return openApp(parsed, { role, log: openLog({ level, format: parsed.logFormat }), version: VERSION });
    },
    untilStopped() {
      const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, resolve);
      return promise;
    },
  };
}
