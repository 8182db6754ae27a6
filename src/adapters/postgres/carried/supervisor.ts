// Keeps one PostgreSQL running: starts it, waits until it answers, starts it again when it dies, stops it at the end.
import { closeSync, existsSync, fstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../../log.ts";
import { reasonOf } from "../../../errors.ts";
import { startFailure } from "./files/account.ts";
import type { Account } from "./files/account.ts";
import { majorOf, sentenceFor } from "./files/cluster.ts";
import type { Layout } from "./files/layout.ts";
import { boundServerLog, openServerLog } from "./server-log.ts";
import { clearRemains, clusterName, endAtOnce, readPostmaster, send } from "./remains.ts";
import { endWithUs } from "./companion.ts";

interface SupervisorOptions {
  /** The directory that holds bin/postgres. */
  server: string;
  layout: Layout;
  account: Account;
  log: Log;
  /** More than a gateway of one process needs. */
  maxClients?: number | undefined;
}

/** Small enough for a gateway's box; everything that guards data is on. */
const SETTINGS = {
  listen_addresses: "",
  port: "5432", // part of the socket's name
  unix_socket_directories: "../run", // relative to the files: a socket's own path may not exceed 107 bytes
  unix_socket_permissions: "0700",
  shared_buffers: "64MB",
  jit: "off",
  max_worker_processes: "4",
  max_logical_replication_workers: "0",
  max_wal_size: "512MB",
  autovacuum_max_workers: "2",
  client_connection_check_interval: "2s", // a caller that gave up does not keep its statement running
  // After a crash: one call instead of opening and syncing some thousand files, which took seconds on a busy disk.
  recovery_init_sync_method: "syncfs",
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  log_timezone: "UTC",
  log_checkpoints: "off",
  log_min_error_statement: "panic", // statements and details may quote payloads
  log_error_verbosity: "terse",
};

/** Workers of its own for reading would be more processes than a gateway's box has cores. */
const SETTINGS_SINCE_18 = { io_method: "sync" };

/** Enough for one process, commands beside it, and whoever looks by hand. */
const MIN_CONNECTIONS = 100;
const READY_POLL_MS = 5;
const BACKOFF_MS = [20, 100, 250, 500, 1_000, 2_000, 5_000];
/** One that lived this long did not die of how it was started; the next start is not delayed. */
const SETTLED_MS = 1_000;
/** One that answered at all is started again within half a second, however often it was killed. */
const MAX_DEATHS_OF_READY = 3;
/** The first start is given up after this many deaths; later ones never are. */
const FIRST_START_ATTEMPTS = 5;
const SLOW_START_MS = 10_000;
const FAST_STOP_MS = 60_000;
const IMMEDIATE_STOP_MS = 2_000;
const LOG_CHECK_MS = 60 * 60 * 1000;

/** The latest included; one that settled begins anew. */
export function deathsInARow(before: number, { isReady, livedMs }: { isReady: boolean; livedMs: number }): number {
  if (livedMs >= SETTLED_MS) return 1;
  return (isReady ? Math.min(before, MAX_DEATHS_OF_READY) : before) + 1;
}

/** Before the next start. */
export const pauseMs = (deaths: number) => BACKOFF_MS[Math.min(deaths, BACKOFF_MS.length) - 1] ?? 0;

export class ServerSupervisor {
  restarts = 0;
  readonly #options: SupervisorOptions;
  readonly #closing = new AbortController();
  readonly #firstReady = Promise.withResolvers<void>();
  readonly #logTimer: ReturnType<typeof setInterval>;
  /** Where the log of the latest start begins, in bytes. */
  #logStart = 0;
  #child: Bun.Subprocess | undefined;
  #loop: Promise<void> | undefined;

  private constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#logTimer = setInterval(() => boundServerLog(options.layout), LOG_CHECK_MS);
    this.#logTimer.unref();
  }

  /** Resolves once PostgreSQL takes connections. */
  static async start(options: SupervisorOptions): Promise<ServerSupervisor> {
    const supervisor = new ServerSupervisor(options);
    process.on("exit", supervisor.#stopAtExit);
    supervisor.#loop = supervisor.#run();
    try {
      await supervisor.#firstReady.promise;
    } catch (error) {
      await supervisor.close();
      throw error;
    }
    return supervisor;
  }

  get pid(): number | null {
    return this.#child?.exitCode === null && this.#child.signalCode === null ? this.#child.pid : null;
  }

  /** A fast stop: sessions are ended, everything is written down, and no process is left. */
  async close(limitMs = FAST_STOP_MS): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#logTimer);
    const tell = (signal: NodeJS.Signals) => {
      if (this.pid !== null) send(this.pid, signal);
    };
    tell("SIGINT");
    const impatient = setTimeout(() => {
      this.#options.log.warn("PostgreSQL takes too long to stop; it will recover at its next start.");
      tell("SIGQUIT");
    }, limitMs);
    const killing = setTimeout(() => tell("SIGKILL"), limitMs + IMMEDIATE_STOP_MS);
    await this.#loop;
    clearTimeout(impatient);
    clearTimeout(killing);
    process.off("exit", this.#stopAtExit);
  }

  async #run(): Promise<void> {
    const { log, layout } = this.#options;
    let deaths = 0;
    let everReady = false;
    while (!this.#closing.signal.aborted) {
      try {
        await clearRemains(layout, log);
        if (this.#closing.signal.aborted) break;
        const child = this.#spawn();
        using _companion = endWithUs(child.pid);
        const isReady = await this.#waitUntilReady(child);
        if (isReady) {
          if (everReady) log.info("PostgreSQL answers again.", { pid: child.pid, restarts: this.restarts });
          everReady = true;
          this.#firstReady.resolve();
        }
        const sinceMs = performance.now();
        await child.exited;
        deaths = deathsInARow(deaths, { isReady, livedMs: performance.now() - sinceMs });
        if (this.#closing.signal.aborted) break;
        const reason = child.signalCode ?? `exit code ${child.exitCode}`;
        log.warn("PostgreSQL died and is started again.", { reason, log: layout.log });
      } catch (error) {
        deaths += 1;
        if (!everReady) return this.#firstReady.reject(error);
        log.error("PostgreSQL cannot be started again yet.", { reason: reasonOf(error) });
      }
      if (!everReady && deaths >= FIRST_START_ATTEMPTS) return this.#firstReady.reject(this.#whyNot());
      this.restarts += 1;
      await this.#pause(pauseMs(deaths));
    }
    await clearRemains(layout, log);
    this.#firstReady.reject(startFailure("PostgreSQL was stopped before it was ready."));
  }

  #spawn(): Bun.Subprocess {
    const { server, layout, account, maxClients = 0 } = this.#options;
    boundServerLog(layout);
    const output = openServerLog(layout);
    this.#logStart = fstatSync(output).size;
    try {
      const flags = Object.entries({
        ...SETTINGS,
        ...(Number(majorOf(layout.files)) >= 18 && SETTINGS_SINCE_18),
        max_connections: String(Math.max(MIN_CONNECTIONS, maxClients)),
        cluster_name: clusterName(layout.files),
      });
      this.#child = Bun.spawn(
        [
          join(server, "bin/postgres"),
          "-D",
          layout.files,
          ...flags.flatMap(([name, value]) => ["-c", `${name}=${value}`]),
        ],
        {
          ...account.spawnAs,
          cwd: "/",
          env: { LC_ALL: "C", TZ: "UTC" },
          stdio: ["ignore", output, output],
          // A Ctrl-C in the terminal reaches the gateway alone, which drains before it stops PostgreSQL.
          detached: true,
        },
      );
      this.#child.unref();
      return this.#child;
    } finally {
      closeSync(output);
    }
  }

  /** False when the server died first. Recovery after a crash may take long; that is said, not cut short. */
  async #waitUntilReady(child: Bun.Subprocess): Promise<boolean> {
    const { layout, log } = this.#options;
    let sayAtMs = performance.now() + SLOW_START_MS;
    while (child.exitCode === null && child.signalCode === null) {
      const note = readPostmaster(layout.files);
      if (note?.pid === child.pid && note.ready) return true;
      if (this.#closing.signal.aborted) send(child.pid, "SIGINT");
      if (performance.now() > sayAtMs) {
        log.info("PostgreSQL is still recovering.", { log: layout.log });
        sayAtMs += SLOW_START_MS;
      }
      await Bun.sleep(READY_POLL_MS);
    }
    return false;
  }

  #whyNot() {
    const { log } = this.#options.layout;
    const tail = existsSync(log) ? readFileSync(log).subarray(this.#logStart).toString() : "";
    return startFailure(`${sentenceFor(tail, "The carried PostgreSQL does not start")} (its log: ${log})`);
  }

  async #pause(ms: number): Promise<void> {
    if (this.#closing.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#closing.signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  }

  /** The last chance when the gateway ends without closing: nothing can be awaited here. */
  readonly #stopAtExit = (): void => endAtOnce(this.#options.layout.files);
}
