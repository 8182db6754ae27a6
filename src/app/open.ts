// Opens the whole in its order: services, schema, domains, jobs, reports, listeners; and starts and stops it.
import { openDatabase } from "../adapters/postgres/database.ts";
import type { PostgresDatabase } from "../adapters/postgres/database.ts";
import type { MigrationResult } from "../adapters/postgres/migrate.ts";
import { openPostgres } from "../adapters/postgres/open.ts";
import type { OpenedPostgres } from "../adapters/postgres/open.ts";
import { systemClock } from "../adapters/system/clock.ts";
import type { Role } from "../config/gateway.ts";
import { ruleSections } from "../domains/compliance/index.ts";
import type { Policy } from "../domains/compliance/index.ts";
import { openRulesInForce } from "../domains/inventory/index.ts";
import type { RulesInForce } from "../domains/inventory/index.ts";
import { scheduledDumps } from "../dump/schedule.ts";
import { certificateFiles, openCertificate } from "../http/listen/certificate.ts";
import type { CertificateInForce } from "../http/listen/certificate.ts";
import { openRunner } from "../jobs/runner.ts";
import type { Runner } from "../jobs/runner.ts";
import { openScheduler } from "../jobs/scheduler.ts";
import type { Scheduler } from "../jobs/scheduler.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports/clock.ts";
import type { Queue } from "../ports/queue.ts";
import { openDomains, openSharedDeps } from "./assemble.ts";
import type { Apis } from "./assemble.ts";
import { openImport } from "./import.ts";
import type { ImportMy } from "./import.ts";
import { openListeners } from "./listeners.ts";
import type { Listeners } from "./listeners.ts";
import { openChangeLog } from "./observe/change-log.ts";
import type { ChangeLog } from "./observe/change-log.ts";
import { examineChecks, openChecks } from "./observe/checks.ts";
import type { Examined } from "./observe/checks.ts";
import { observePlumbing } from "./observe/metrics.ts";
import { announceStart, openRegistries, openReport } from "./observe/report.ts";
import type { Children, ProcessReport } from "./observe/report.ts";
import { POSTGRES_ROLES, isCommand } from "./role.ts";
import type { AppRole } from "./role.ts";
import { openApi } from "./routes.ts";
import { openSchema } from "./schema.ts";
import { openObjects, openShared } from "./services.ts";
import type { Config } from "./settings.ts";
import { planStop, stopWithin } from "./stop.ts";

export interface AppOptions {
  role: AppRole;
  log: Log;
  version: string;
  clock?: Clock;
  /** The processes that work for this one. */
  children?: Children;
  /** A socket that listens already, instead of LISTEN_ADDRESS. */
  descriptor?: number;
  /** How many times longer than usual services may take to answer: for tests on a busy machine. */
  patience?: number;
}

export interface App extends Requests, Work, Life {
  /** What each domain answers. */
  api: Apis;
  about: About;
  commands: Commands;
}

/** Without a listener. */
interface Requests {
  /** As the main listener gets it. */
  handle(request: Request): Promise<Response>;
  /** As the operations listener gets it. */
  handleOperations(request: Request): Promise<Response>;
}

interface Work {
  queue: Queue;
  runner: Runner;
  scheduler: Scheduler;
}

/** What the app says of itself. */
interface About {
  migrated: MigrationResult;
  /** What it stands on, in words. */
  runsOn: { installation: string };
  /** Runs the checks of /ready, and those that only an operator asks for. */
  examine(): Promise<Examined[]>;
  databaseTime(): Promise<Date>;
  report: ProcessReport;
}

/** What only the command line does. */
interface Commands {
  importMy: ImportMy;
  /** Has the gateways here log what a command changed. */
  tellChange: ChangeLog["tell"];
}

interface Life {
  listeners: Pick<Listeners, "urls" | "drain" | "steer">;
  /** Listeners, workers and schedules, as far as they are this process's. */
  start(): Promise<void>;
  /** Logs what it stands on and where it answers. */
  announce(mainUrl: string | undefined): void;
  /** Looks at once whether the files of TLS_* and INVENTORY_RULES_FILE have changed. */
  reload(): void;
  /** Lets requests and jobs in flight finish, then closes everything, within SHUTDOWN_TIMEOUT or so long. Safe to call twice. */
  stop(limitMs?: number): Promise<void>;
}

/** A job pushed by another process, or made due by time alone, is seen within this. */
const POLL_MS = 500;

export async function openApp(config: Config, { clock = systemClock(), ...given }: AppOptions): Promise<App> {
  const options = { ...given, clock };
  const { role, log, patience } = options;
  // Read before anything is started: a fault in them must stop the start.
  const files = isCommand(role) ? undefined : certificateFiles(config.http);
  const certificate = files && openCertificate({ files, clock, log });
  const path = config.inventory.rulesFile;
  const rulesInForce = openRulesInForce({ path, clock, log, guest: ruleSections, tolerant: isCommand(role) });
  const postgres = await openPostgres({
    dataDir: config.data.directory,
    databaseUrl: config.database.url,
    role: POSTGRES_ROLES[role],
    makes: !isCommand(role) || role === "migrate",
    log,
    ...(role === "supervise" && { maxClients: clientsOf(config) }),
  });
  const { maxConnections } = config.database;
  const database = openDatabase(postgres.connection, { maxConnections, log, patience });
  try {
    return await compose({ config, ...options, postgres, database, rulesInForce, certificate });
  } catch (error) {
    await database.close();
    await postgres.close();
    throw error;
  }
}

/** Every process's pool and its ears for signals, twice during a rolling restart, and commands beside them. */
const clientsOf = ({ processes, database }: Config) =>
  (2 * (processes.count + 1) + 1) * (database.maxConnections + 2) + 20;

interface Parts extends AppOptions {
  config: Config;
  clock: Clock;
  certificate: CertificateInForce | undefined;
  postgres: OpenedPostgres;
  database: PostgresDatabase;
  rulesInForce: RulesInForce<Policy>;
}

async function compose(parts: Parts): Promise<App> {
  const { config, role, log, version, clock, children, descriptor, patience, postgres, database } = parts;
  const { rulesInForce, certificate } = parts;
  /** A supervisor's roles are its children's. */
  const does = (one: Role) => role !== "supervise" && config.processes.roles.includes(one);
  const { connection } = postgres;
  const migrated = await openSchema(parts);
  const services = await openShared({ config, log, clock, postgres, database, patience });
  const { queue, limiter, signals, redis } = services;
  const objects = openObjects(config, clock);
  const place = { exclusive: postgres.carried && role !== "child", listens: does("http") };
  const shared = openSharedDeps({
    ...{ config, log, clock, database, queue, limiter, signals, objects, rulesInForce },
    ...place,
  });
  const { api, all } = openDomains(shared, config);
  const { schedule: cron, keep } = config.dump;
  const domains = [...all, scheduledDumps({ connection, objects, clock, version, cron, keep })];

  const runner = openRunner({ queue, handlers: domains.flatMap((one) => one.jobs ?? []), clock, log, pollMs: POLL_MS });
  const scheduler = openScheduler({ queue, schedules: domains.flatMap((one) => one.schedules ?? []), clock, log });

  const registries = openRegistries();
  const changeLog = openChangeLog({ log, signals });
  const { maxBodyBytes } = config.http;
  const common = { clock, log, registry: registries.own, version };
  const { routes, measure } = openApi({ ...common, domains, operators: api.operators, changeLog, maxBodyBytes });
  observePlumbing(registries, { queue, runner, database, carried: postgres.info, certificate });
  for (const domain of domains) domain.metrics?.(registries.shared);

  const runsOn = { database: `${postgres.describe}; schema version ${migrated.version}`, redis: redis?.describe };
  const checks = openChecks({ database, ...services, domains, certificate, runsOn, children, patience });
  const { report, handleOperations } = openReport({ version, clock, queue, runner, checks, registries, children });
  const listeners = openListeners({
    http: config.http,
    certificate,
    routes,
    measure,
    handleOperations,
    main: does("http") ? { descriptor, reusePort: role === "child" } : undefined,
    operations: role !== "child",
  });

  const announce = (main: string | undefined) =>
    announceStart(log, config, {
      database: postgres.describe,
      redis: redis?.describe,
      main,
      operations: listeners.urls()?.operations || undefined,
    });

  const stop = async (limitMs: number) => {
    if (role === "serve" || role === "supervise") log.info("Stopping.", { limit: `${limitMs / 1_000}s` });
    scheduler.stop();
    listeners.settle();
    await stopWithin(
      limitMs,
      planStop({ listeners, children, runner, domains: all, services, database, postgres }),
      log,
    );
    if (!isCommand(role)) log.info("Stopped.");
  };
  let stopping: Promise<void> | undefined;

  return {
    handle: (request) => measure(request, () => routes.handle(request)),
    handleOperations,
    api,
    queue,
    runner,
    scheduler,
    about: {
      migrated,
      runsOn: { installation: postgres.installation },
      examine: () => examineChecks(checks),
      async databaseTime() {
        const [row] = await database.query<{ now: Date }>("select clock_timestamp() as now");
        return row?.now ?? clock.now();
      },
      report,
    },
    commands: { importMy: openImport({ connection, database, api, clock }), tellChange: changeLog.tell },
    listeners,
    async start() {
      for (const domain of domains) await domain.start?.();
      if (role !== "child") await changeLog.listen();
      await listeners.start();
      if (does("worker")) runner.start();
      if (does("scheduler")) scheduler.start();
      if (role === "serve") announce(listeners.urls()?.main || undefined);
    },
    announce,
    reload() {
      log.info("Reading certificate and inventory rules again where they changed. Settings need a restart.");
      listeners.reload();
      rulesInForce.fault();
    },
    stop: (limitMs = config.processes.shutdownTimeoutMs) => (stopping ??= stop(limitMs)),
  };
}
