// Runs the gateway until SIGTERM or SIGINT; with PROCESSES, a supervisor of the processes that are the gateway: muster serve.
import type { Config } from "../../app/settings.ts";
import { inheritedSocket } from "../../config/socket.ts";
import { Failure } from "../../errors.ts";
import { listenAs } from "../../http/listen/refusal.ts";
import { probeAddress } from "../../http/listen/server.ts";
import { runningExecutable } from "../../processes/executable.ts";
import type { ProcessSpec } from "../../processes/messages.ts";
import { ProcessSupervisor } from "../../processes/supervisor.ts";
import { action } from "../verb.ts";
import type { Cli, Verb } from "../verb.ts";
import { VERSION } from "../version.ts";

export const serve: Verb = {
  name: "serve",
  summary: "Run the gateway.",
  actions: { "": action({ run: serveUntilStopped }) },
  notes: `Runs until SIGTERM or Ctrl-C, then lets requests and jobs in flight finish, for SHUTDOWN_TIMEOUT at most; a third signal ends
it at once. PROCESSES=auto uses every core. SIGHUP reads certificate and rules again; with PROCESSES it replaces the
processes, one generation by the next, without refusing a request.`,
};

async function serveUntilStopped(_: object, cli: Cli): Promise<number> {
  const stopped = cli.untilStopped();
  const config = cli.config();
  const descriptor = inheritedSocket(cli.environment());
  if (config.processes.count > 1) {
    if (descriptor === undefined) return await supervise(config, cli, stopped);
    throw new Failure(
      "serve.socket",
      503,
      "A socket of systemd's is served by one process: unset PROCESSES, or muster.socket.",
    );
  }
  let reload = () => {};
  cli.onHangUp(() => reload());
  const app = await cli.openApp("serve", { config, ...(descriptor !== undefined && { descriptor }) });
  try {
    await app.start();
    reload = app.reload;
    await stopped;
  } finally {
    await app.stop();
  }
  return 0;
}

async function supervise(config: Config, cli: Cli, stopped: Promise<unknown>): Promise<number> {
  let isStopping = false;
  const stop = stopped.then(() => (isStopping = true));
  let replace = () => {};
  cli.onHangUp(() => replace());

  const { url, ...listen } = await listenAs("LISTEN_ADDRESS", config.http.listenAddress, () =>
    probeAddress(config.http.listenAddress, config.http.tlsCertFile ? "https" : "http"),
  );
  const supervisor = new ProcessSupervisor({
    specs: specsOf(config, listen),
    executable: runningExecutable({ version: VERSION }),
    env: cli.environment(),
    shutdownTimeoutMs: config.processes.shutdownTimeoutMs,
    log: cli.log(config),
  });
  const app = await cli.openApp("supervise", { config, children: supervisor.report });
  try {
    await app.start();
    const started = supervisor.start();
    started.catch(() => {});
    await Promise.race([started, stop]);
    if (!isStopping) {
      replace = () => void supervisor.replace();
      app.announce(url);
      await Promise.race([stop, supervisor.gaveUp]);
    }
  } finally {
    replace = () => {};
    await app.stop();
  }
  return 0;
}

function specsOf({ processes: { count, roles } }: Config, listen: ProcessSpec["listen"]): ProcessSpec[] {
  const http = Array.from({ length: count }, (_, index) => ({
    name: `http-${index + 1}`,
    roles: ["http"] as const,
    listen,
  }));
  const others = roles.filter((role) => role !== "http");
  return others.length > 0 ? [...http, { name: "worker", roles: others, listen }] : http;
}
