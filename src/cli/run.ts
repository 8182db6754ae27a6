// Runs a command line: finds the verb and its action, and turns whatever they throw into words that say what to do next.
import { openApp } from "../app/open.ts";
import { completeEnvironment } from "../config/file.ts";
import type { CompletedEnvironment, Installation } from "../config/file.ts";
import { findMisspelt, parseConfig } from "../app/settings.ts";
import type { Config } from "../app/settings.ts";
import type { Environment } from "../config/environment.ts";
import { openLog } from "../log.ts";
import { didYouMean } from "../values/similar.ts";
import { backups } from "./operate/backups.ts";
import { completeVerb, completion } from "./completion.ts";
import { config } from "./host/config.ts";
import { doctor } from "./doctor/doctor.ts";
import { dump } from "./host/dump.ts";
import { health } from "./host/health.ts";
import { describeVerb, listVerbs, usageOf, usageOfAction } from "./help.ts";
import { importVerb } from "./host/import.ts";
import { install, uninstall } from "./host/install.ts";
import { inventory } from "./operate/inventory.ts";
import { migrate } from "./host/migrate.ts";
import { organizations } from "./operate/organizations.ts";
import { processVerb } from "./host/process.ts";
import { openProgress, QUIET, watched } from "./terminal/progress.ts";
import { queues } from "./operate/queues.ts";
import { restore } from "./host/restore.ts";
import { serve } from "./host/serve.ts";
import { listenToSignals } from "./signals.ts";
import type { ProcessSignals } from "./signals.ts";
import { simulate } from "./host/simulate.ts";
import { systems } from "./operate/systems.ts";
import { OutputFault, processTerminal } from "./terminal/terminal.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { tokens } from "./operate/tokens.ts";
import { upgradePostgresVerb } from "./host/upgrade-postgres.ts";
import { explain, findAction, UsageError } from "./verb.ts";
import type { Cli, Verb } from "./verb.ts";
import { VERSION, version } from "./version.ts";

export const VERBS: readonly Verb[] = [
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
  upgradePostgresVerb,
  config,
  simulate,
  completion,
  version,
];

/** Not for people: what a supervisor starts, and what shells ask. */
const INTERNAL_VERBS: readonly Verb[] = [processVerb, completeVerb(VERBS)];

/** 0 done, 1 failed, 2 misused, 141 when the reader of stdout has gone: 128 + SIGPIPE, as shells say it. */
export async function run(
  argv: string[],
  env: Environment,
  terminal: Terminal = processTerminal(),
  installation: Installation = { program: undefined },
): Promise<number> {
  const signals = listenToSignals();
  let completed: CompletedEnvironment | undefined;
  /** Once, and only for what needs settings. */
  const environment = () => (completed ??= completeEnvironment(env, installation));
  // Killed, it goes on hearing signals: one more of them must not cut short how it ends.
  return Promise.race([runToItsEnd(argv, environment, terminal, signals).finally(signals.close), signals.killed]);
}

async function runToItsEnd(
  argv: string[],
  environment: () => CompletedEnvironment,
  terminal: Terminal,
  signals: ProcessSignals,
): Promise<number> {
  const { cli, finish } = openCli(environment, terminal, signals, argv[0] === processVerb.name);
  try {
    const code = await dispatch(argv, cli);
    await finish();
    return code;
  } catch (error) {
    if (!(error instanceof OutputFault)) throw error;
    if (error.isReaderGone) return 141;
    terminal.tell(`${error.message}\n`);
    return 1;
  }
}

async function dispatch([name = "help", ...args]: string[], cli: Cli): Promise<number> {
  if (name === "--help" || name === "-h") return help(undefined, cli);
  if (name === "help") return help(args[0], cli);
  const verb = ["--version", "-v"].includes(name)
    ? version
    : [...VERBS, ...INTERNAL_VERBS].find((one) => one.name === name);
  if (!verb || (!INTERNAL_VERBS.includes(verb) && (args.includes("--help") || args.includes("-h"))))
    return help(name, cli);
  let usage = usageOf(verb);
  try {
    const { words, action, rest, former } = findAction(verb, args);
    if (former !== undefined)
      cli.say(
        `"muster ${verb.name} ${former}" is now "muster ${verb.name} ${words}". The next major version removes the former word.`,
      );
    usage = usageOfAction(verb, words, action);
    return await action.run(rest, { ...cli, command: `muster ${verb.name} ${words}`.trim() });
  } catch (error) {
    if (error instanceof OutputFault) throw error;
    cli.say(explain(error, verb.name, usage));
    return error instanceof UsageError ? 2 : 1;
  }
}

function help(name: string | undefined, cli: Cli): number {
  const verb = VERBS.find((one) => one.name === name);
  if (name !== undefined && !verb) {
    const meant = didYouMean(name, ["help", ...VERBS.map((one) => one.name)]);
    cli.say(`There is no verb ${JSON.stringify(name)}.${meant} "muster help" lists them.`);
    return 2;
  }
  cli.print(
    verb
      ? describeVerb(verb)
      : `muster ${VERSION}: appliance gateway\n\n${listVerbs(VERBS)}\n\nmuster <verb> --help says more. Settings come from the environment: muster config.`,
  );
  return 0;
}

function openCli(
  environment: () => CompletedEnvironment,
  terminal: Terminal,
  { untilStopped, onHangUp }: ProcessSignals,
  isChild: boolean,
): { cli: Cli; finish(): Promise<void> } {
  const screen = watched(terminal);
  const answer: string[] = [];
  const afterwards: string[] = [];
  const last: string[] = [];
  const config = () => {
    tellWarnings();
    return parseConfig(environment().env);
  };
  /** By whoever started it. */
  let isTold = isChild;
  /** What may explain a fault, or that a setting does nothing. */
  const tellWarnings = () => {
    if (isTold) return;
    isTold = true;
    const { env, file, ignored } = environment();
    const sentences = [
      ...ignored.map((name) => `${file} has a line that sets ${JSON.stringify(name)}, which is no name.`),
      ...findMisspelt(env).map(({ sentence }) => sentence),
    ];
    const log = openLog({ level: "warn", format: "json", write: screen.tell });
    for (const sentence of sentences) env["LOG_FORMAT"] === "json" ? log.warn(sentence) : cli.say(sentence);
  };
  const cli: Cli = {
    command: "muster",
    target: "",
    environment: () => environment().env,
    settingsFile: () => environment().file,
    config,
    print: (line) => void answer.push(`${line}\n`),
    say(line) {
      if (answer.length > 0) afterwards.push(`${line}\n`);
      else screen.tell(`${line}\n`);
    },
    sayLast: (line) => void last.push(`${line}\n`),
    progress(what, unit, json) {
      if (terminal.columns === undefined || json) return QUIET;
      return openProgress({ what, unit }, { draw: screen.draw, columns: terminal.columns });
    },
    pour: terminal.pour,
    openApp(role, { config: parsed = config(), process: name, ...parts } = {}) {
      // A command's own answer is what counts; of the log only what went wrong.
      const level = ["cli", "migrate"].includes(role) && parsed.log.level === "info" ? "warn" : parsed.log.level;
      const log = openLog({ level, format: parsed.log.format, process: name, write: screen.tell });
      return openApp(parsed, { role, log, version: VERSION, ...parts });
    },
    log: ({ log: { level, format } }: Config, name) => openLog({ level, format, process: name, write: screen.tell }),
    untilStopped,
    onHangUp,
  };
  const finish = async () => {
    try {
      if (answer.length > 0) await terminal.answer(answer.join(""));
    } finally {
      const rest = [...afterwards, ...last].join("");
      if (rest !== "") screen.tell(rest);
    }
  };
  return { cli, finish };
}
