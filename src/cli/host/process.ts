// Runs one of the processes that `muster serve` starts with PROCESSES: obeys its supervisor, and ends with it.
import type { App } from "../../app/open.ts";
import type { Config } from "../../app/settings.ts";
import { Failure } from "../../errors.ts";
import { PROTOCOL } from "../../processes/messages.ts";
import type { FromProcess, ProcessSpec, ToProcess } from "../../processes/messages.ts";
import { action, explain } from "../verb.ts";
import type { Cli, Verb } from "../verb.ts";
import { VERSION } from "../version.ts";

export const processVerb: Verb = {
  name: "process",
  summary: "One process of several.",
  actions: { "": action({ run: serveForSupervisor }) },
  notes: "Started by muster serve when PROCESSES is more than 1; not by hand.",
};

async function serveForSupervisor(_: object, cli: Cli): Promise<number> {
  const supervisor = connect(cli);
  if (!supervisor) {
    cli.say(`muster process: ${processVerb.notes}`);
    return 2;
  }
  try {
    await serveFor(supervisor, cli);
    return 0;
  } catch (error) {
    supervisor.say({
      kind: "failed",
      words: explain(error, "serve"),
      outage: isOutage(error),
    });
    // Waits until the supervisor has read the failure: it then sends a stop, or has ended.
    await supervisor.stopped;
    return 1;
  }
}

async function serveFor(supervisor: Supervisor, cli: Cli): Promise<void> {
  supervisor.say({ kind: "hello", protocol: PROTOCOL, version: VERSION });
  const spec = await Promise.race([supervisor.spec, supervisor.stopped.then(() => undefined)]);
  if (!spec) return;
  const config = withSpec(cli.config(), spec);
  const app = await cli.openApp("child", { config, process: spec.name });
  let limitMs: number | undefined;
  try {
    supervisor.onQuestion((message) => answer(app, message));
    await app.start();
    supervisor.say({ kind: "ready" });
    limitMs = await supervisor.stopped;
  } finally {
    await app.stop(limitMs);
  }
}

type Asked = Extract<ToProcess, { kind: "ask" }>;

function answer(app: App, message: Asked): Promise<unknown> | unknown {
  switch (message.question) {
    case "readiness":
      return app.about.report.readiness();
    case "metrics":
      return app.about.report.metrics();
    case "workers":
      return app.about.report.workers();
    case "steer":
      return app.listeners.steer(message.target);
    case "drain":
      return app.listeners.drain(message.leastMs, message.limitMs);
  }
}

const isOutage = (error: unknown) => error instanceof Failure && error.code === "database.unavailable";

interface Supervisor {
  spec: Promise<ProcessSpec>;
  /** Resolves at a stop by the supervisor or a signal, or when the supervisor has ended and nobody could send one. */
  stopped: Promise<number | undefined>;
  say(message: FromProcess): void;
  onQuestion(listener: (message: Asked) => Promise<unknown> | unknown): void;
}

/** Undefined without a supervisor at the other end. */
function connect(cli: Cli): Supervisor | undefined {
  const channel = process;
  if (!channel.send) return undefined;
  const spec = Promise.withResolvers<ProcessSpec>();
  const stopped = Promise.withResolvers<number | undefined>();
  let listener: (message: Asked) => Promise<unknown> | unknown = () => undefined;
  const say = (message: FromProcess) => {
    if (channel.connected) channel.send?.(message);
  };
  channel.on("message", (message: ToProcess) => {
    if (message.kind === "start") spec.resolve(message.spec);
    else if (message.kind === "stop") stopped.resolve(message.limitMs);
    else
      void Promise.try(() => listener(message))
        .catch(() => undefined)
        .then((value) => say({ kind: "answer", id: message.id, value: value ?? null }));
  });
  channel.on("disconnect", () => stopped.resolve(undefined));
  void cli.untilStopped().then(() => stopped.resolve(undefined));
  // The supervisor alone does rolling restarts.
  cli.onHangUp(() => {});
  return { spec: spec.promise, stopped: stopped.promise, say, onQuestion: (given) => void (listener = given) };
}

/** Narrows the common configuration to one of several processes. */
function withSpec({ http, processes, ...config }: Config, { roles, listen }: ProcessSpec): Config {
  return { ...config, http: { ...http, listenAddress: listen }, processes: { ...processes, roles } };
}
