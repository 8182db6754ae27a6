// Composition root: opens the adapters, builds each domain on them, and runs the whole in the right order.
import type { AnyElysia } from "elysia";
import { join } from "node:path";
import { Registry } from "prom-client";
import { openDatabase } from "../adapters/postgres/database.ts";
import type { PostgresDatabase } from "../adapters/postgres/database.ts";
import { embeddedMigrations, migrate, requireSchema } from "../adapters/postgres/migrate.ts";
import type { MigrationResult } from "../adapters/postgres/migrate.ts";
import { openPostgres } from "../adapters/postgres/open.ts";
import type { OpenedPostgres } from "../adapters/postgres/open.ts";
import type { RedisHealth } from "../adapters/redis/health.ts";
import type { OpenedRedis } from "../adapters/redis/open.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { openObjects, openShared } from "./services.ts";
import type { Role } from "../config/gateway.ts";
import type { Config } from "./settings.ts";
import type { Check } from "../domain.ts";
import { openDomains } from "./assemble.ts";
import type { Apis } from "./assemble.ts";
import { ruleSections } from "../domains/compliance/index.ts";
import type { Policy } from "../domains/compliance/index.ts";
import { openRulesInForce } from "../domains/inventory/index.ts";
import type { RulesInForce } from "../domains/inventory/index.ts";
import { scheduledDumps } from "../dump/schedule.ts";
import { dumpBeforeUpgrade } from "../dump/upgrade.ts";
import { openBodyReader } from "../http/edge/body.ts";
import { openThrottleNotes } from "../http/throttle-notes.ts";
import { openAdmission } from "../jobs/admission.ts";
import { certificateFiles, openCertificate } from "../http/listen/certificate.ts";
import type { CertificateInForce, CertificateWatch } from "../http/listen/certificate.ts";
import { alone } from "../import/my/alone.ts";
import { importMy } from "../import/my/import.ts";
import type { ImportDeps } from "../import/my/import.ts";
import type { Report } from "../import/my/report.ts";
import type { Source } from "../import/my/source.ts";
import { openMeasure } from "../http/listen/measure.ts";
import { checkReadiness, operationsHandler, worstOf } from "../http/operations.ts";
import type { Readiness } from "../http/operations.ts";
import { openProblems } from "../http/problem.ts";
import { readTrustedProxies, throughProxies } from "../http/listen/proxies.ts";
import type { TrustedProxies } from "../http/listen/proxies.ts";
import { startServer } from "../http/listen/server.ts";
import { steerConnections } from "../http/listen/sockets.ts";
import type { RunningServer } from "../http/listen/server.ts";
import { openRunner } from "../jobs/runner.ts";
import type { HandlerStats, Runner } from "../jobs/runner.ts";
import { openScheduler } from "../jobs/scheduler.ts";
import type { Scheduler } from "../jobs/scheduler.ts";
import type { Log } from "../log.ts";
import { observePlumbing } from "./metrics.ts";
import type { Clock } from "../ports/clock.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { Queue, QueueName } from "../ports/queue.ts";
import { readinessChecks } from "./checks.ts";
import { stopWithin } from "./stop.ts";
import type { StopPlan } from "./stop.ts";
import { openApi } from "./routes.ts";
import { openChangeLog } from "./change-log.ts";
import type { ChangeLog } from "./change-log.ts";
import { counted } from "../values/count.ts";

/**
 * `serve` owns its data directory and works, `supervise` owns it and lets children work; `child` works for a supervisor; `cli`
 * only asks and tells, beside a server or without one, and `migrate` does so where there may be no installation yet.
 */
export type AppRole = "serve" | "supervise" | "child" | "cli" | "migrate";

export interface AppOptions {
  role: AppRole;
  log: Log;
  version: string;
  clock?: Clock;
  /** The processes that work for this one. */
  children?: Children;
  /** A socket that listens already, instead of LISTEN_ADDRESS. */
  descriptor?: number;
}

/** What one process says of itself. */
export interface ProcessReport {
  readiness(): Promise<Readiness>;
  /** In the text format of Prometheus, without what all processes would say alike. */
  metrics(): Promise<string>;
  workers(): Record<QueueName, HandlerStats>;
}

/** What the supervised processes say of themselves, put together. */
export interface Children {
  checks: Check[];
  readiness(): Promise<Readiness[]>;
  /** Theirs and `own`, each with its process as a label. */
  metrics(own: string): Promise<string>;
  workers(): Promise<Record<QueueName, HandlerStats>>;
  describe(): Record<string, unknown>[];
  /** Within that time; resolves with what it had to kill. */
  stop(limitMs: number): Promise<string[]>;
}

export interface App {
  /** A request as the main listener gets it, without a listener. */
  handle(request: Request): Promise<Response>;
  /** The same for the operations listener. */
  handleOperations(request: Request): Promise<Response>;
  /** What each domain answers. */
  api: Apis;
  objects: Pick<ObjectStore, "describe" | "check">;
  queue: Queue;
  runner: Runner;
  scheduler: Scheduler;
  migrated: MigrationResult;
  /** What is wrong with INVENTORY_RULES_FILE as it is now, every fault named. */
  rulesFault(): string | undefined;
  /** What the app stands on, in words. */
  runsOn: { database: string; redis: string | undefined; installation: string };
  /** Whether Redis may be trusted with acknowledged work; undefined without one, rejects while it is away. */
  redisHealth(): Promise<RedisHealth | undefined>;
  /** Brings everything from a database of the service that Muster replaces; one import at a time. */
  importMy(source: Source, options: Pick<ImportDeps, "dryRun" | "signal" | "onProgress">): Promise<Report>;
  /** Has the gateways here log what a command changed. */
  tellChange: ChangeLog["tell"];
  databaseTime(): Promise<Date>;
  /** Where the listeners answer, once started. */
  urls(): { main: string; operations: string } | undefined;
  report: ProcessReport;
  /** Listeners, workers and schedules, as far as they are this process's. */
  start(): Promise<void>;
  /** The start in words: what it runs on, where it answers. */
  announce(mainUrl: string | undefined): void;
  /** Looks at once whether the files of TLS_* and INVENTORY_RULES_FILE have changed. */
  reload(): void;
  /** Asks connected clients to connect anew, to somebody else, and waits until they did, for at least so long. */
  drain(leastMs: number, limitMs: number): Promise<void>;
  /** Which of the listeners on the main address gets new connections; false when it could not be done. */
  steer(target: Parameters<typeof steerConnections>[1]): boolean;
  /** Lets requests and jobs in flight finish, then closes everything, within SHUTDOWN_TIMEOUT or so long. Safe to call twice. */
  stop(limitMs?: number): Promise<void>;
}

const OPERATIONS_STOP_MS = 500;
/** Of unfinished bodies of one sender: its largest one, and the next before the first was answered. */
const SENDER_BYTES = 32 * 1024 ** 2;

/** A job pushed by another process, or made due by time alone, is seen within this. */
const POLL_MS = 500;

export async function openApp(
  config: Config,
  { role, log, version, clock = systemClock(), children, descriptor }: AppOptions,
): Promise<App> {
  // Read before anything is started: a fault in them must stop the start.
  const files = isCommand(role) ? undefined : certificateFiles(config.http);
  const certificate = files && openCertificate({ files, clock, log });
  const rulesInForce = openRulesInForce({
    path: config.inventory.rulesFile,
    clock,
    log,
    guest: ruleSections,
    tolerant: isCommand(role),
  });
  const postgres = await openPostgres({
    dataDir: config.data.directory,
    databaseUrl: config.database.url,
    role: POSTGRES_ROLES[role],
    makes: !isCommand(role) || role === "migrate",
    log,
    ...(role === "supervise" && { maxClients: clientsOf(config) }),
  });
  const database = openDatabase(postgres.connection, { maxConnections: config.database.maxConnections, log });
  try {
    const options = { role, log, version, clock, children, descriptor };
    return await compose({ config, ...options, postgres, database, rulesInForce, certificate });
  } catch (error) {
    await database.close();
    await postgres.close();
    throw error;
  }
}

const POSTGRES_ROLES = { serve: "serve", supervise: "serve", child: "child", cli: "cli", migrate: "cli" } as const;
const isCommand = (role: AppRole) => role === "cli" || role === "migrate";

/** Every process's pool and its ears for signals, twice during a rolling restart, and commands beside them. */
const clientsOf = ({ processes, database }: Config) =>
  (2 * (processes.count + 1) + 1) * (database.maxConnections + 2) + 20;

interface Parts extends Required<Omit<AppOptions, "children" | "descriptor">> {
  config: Config;
  children: Children | undefined;
  descriptor: number | undefined;
  certificate: CertificateInForce | undefined;
  postgres: OpenedPostgres;
  database: PostgresDatabase;
  rulesInForce: RulesInForce<Policy>;
}

async function compose(parts: Parts): Promise<App> {
  const { config, role, log, version, clock, children, descriptor, postgres, database, rulesInForce, certificate } =
    parts;
  /** A supervisor's roles are its children's. */
  const does = (one: Role) => role !== "supervise" && config.processes.roles.includes(one);
  const { connection, installation } = postgres;
  const directory = join(config.data.directory, "dumps");
  const beforeUpgrade = dumpBeforeUpgrade({ connection, directory, version, clock, log });
  const migrated =
    role === "cli"
      ? await requireSchema(database, { installation, mayStart: postgres.carried && postgres.info() === undefined })
      : await migrate(database, log, embeddedMigrations(), config.dump.beforeUpgrade ? beforeUpgrade : undefined);
  const { signals, queue, limiter, redis, isRedisAway, pingRedis } = await openShared({
    config,
    log,
    clock,
    postgres,
    database,
  });
  const objects = openObjects(config, clock);
  const exclusive = postgres.carried && role !== "child";
  const listens = does("http");
  const { maxBodyBytes } = config.http;
  const body = openBodyReader({ clock, senderBytes: Math.max(SENDER_BYTES, 2 * maxBodyBytes) });
  const opened = openDomains(
    {
      clock,
      database,
      queue,
      limiter,
      signals,
      objects,
      body,
      admit: openAdmission({ queue, maxPending: config.queue.maxPending }),
      note: log.info,
      warn: log.warn,
      noteThrottled: openThrottleNotes({ clock, note: log.info }),
      failuresPerMinute: config.logins.failuresPerMinute,
      maxBodyBytes,
      dataDir: config.data.directory,
      rulesInForce,
      exclusive,
      listens,
    },
    config,
  );
  const { api } = opened;
  const { schedule: cron, keep } = config.dump;
  const domains = [...opened.all, scheduledDumps({ connection, objects, clock, version, cron, keep })];

  const runner = openRunner({ queue, handlers: domains.flatMap((one) => one.jobs ?? []), clock, log, pollMs: POLL_MS });
  const scheduler = openScheduler({ queue, schedules: domains.flatMap((one) => one.schedules ?? []), clock, log });

  const shared = new Registry();
  const own = new Registry();
  const problems = openProblems({ clock, log, registry: own });
  const changeLog = openChangeLog({ log, signals });
  const routes = openApi({ domains, operators: api.operators, changeLog, reader: body, problems, version });
  const measure = openMeasure(
    own,
    routes.routes.map((route) => route.path).filter((path) => !path.includes(":")),
  );
  observePlumbing({ shared, own }, { queue, runner, database, carried: postgres.info, certificate });
  for (const domain of domains) domain.metrics?.(shared);

  const checks = [
    ...readinessChecks({ database, redis, isRedisAway, pingRedis, domains, certificate }),
    ...(children?.checks ?? []),
  ];
  const startedAt = clock.now();
  const stats = async () => ({
    queues: await queue.counts(),
    workers: (await children?.workers()) ?? runner.stats(),
    uptime_seconds: Math.floor((clock.now().getTime() - startedAt.getTime()) / 1000),
    version,
    ...(children && { processes: children.describe() }),
  });
  const report: ProcessReport = {
    readiness: () => checkReadiness(checks),
    metrics: () => own.metrics(),
    workers: () => runner.stats(),
  };
  const handleOperations = operationsHandler({
    version,
    async readiness() {
      const [ownFindings, theirs = []] = await Promise.all([report.readiness(), children?.readiness()]);
      return worstOf([ownFindings, ...theirs]);
    },
    async metrics() {
      const [common, mine] = await Promise.all([shared.metrics(), report.metrics()]);
      return `${common}\n${(await children?.metrics(mine)) ?? mine}`;
    },
    stats,
  });

  let servers: { main?: RunningServer; operations?: RunningServer } | undefined;
  let certificateWatch: CertificateWatch | undefined;
  let stopping: Promise<void> | undefined;

  const start = async () => {
    for (const domain of domains) await domain.start?.();
    if (role !== "child") await changeLog.listen();
    const { trustedProxies } = config.http;
    const proxies = trustedProxies === undefined ? undefined : readTrustedProxies(trustedProxies);
    const fetch = (request: Request, server: Bun.Server<undefined>) =>
      fetchMeasured(routes, measure, request, server, proxies);
    const reusePort = role === "child";
    const { listenAddress: address } = config.http;
    const main = does("http")
      ? await startServer({ address, fetch, reusePort, certificate: certificate?.current(), descriptor })
      : undefined;
    servers = { ...(main && { main }) };
    certificateWatch = certificate?.watch((renewed) => main?.renew(renewed));
    if (role !== "child") servers.operations = await startOperations(config.http, handleOperations);
    if (does("worker")) runner.start();
    if (does("scheduler")) scheduler.start();
    if (role === "serve") announce(servers.main?.url);
  };

  const announce = (mainUrl: string | undefined) =>
    announceStart(log, config, postgres, redis, { main: mainUrl, operations: servers?.operations?.url });

  const stop = async (limitMs: number) => {
    if (role === "serve" || role === "supervise") log.info("Stopping.", { limit: `${limitMs / 1_000}s` });
    scheduler.stop();
    certificateWatch?.end();
    const plan: StopPlan = {
      finish: [
        async (ms) => (await servers?.main?.stop(ms)) ?? [],
        async (ms) => (await children?.stop(ms)) ?? [],
        (ms) => finishJobs(runner, ms),
      ],
      close: [
        { name: "the operations listener", run: async () => servers?.operations?.stop(OPERATIONS_STOP_MS) },
        ...opened.all.toReversed().map((domain) => ({ name: "a domain", run: async () => domain.stop?.() })),
        { name: "the queue", run: () => queue.close() },
        { name: "the signals", run: () => signals.close() },
        { name: "the rate limits", run: () => limiter.close() },
        { name: "Redis", run: async () => redis?.close() },
        { name: "the database's connections", run: () => database.close() },
      ],
      last: (ms) => postgres.close(ms),
    };
    await stopWithin(limitMs, plan, log);
    if (!isCommand(role)) log.info("Stopped.");
  };

  return {
    handle: (request) => measure(request, () => routes.handle(request)),
    handleOperations,
    api,
    objects,
    queue,
    runner,
    scheduler,
    migrated,
    rulesFault: rulesInForce.fault,
    runsOn: { database: postgres.describe, redis: redis?.describe, installation },
    redisHealth: async () => redis?.examine(),
    importMy: (source, options) =>
      alone(connection, options.signal, async () => {
        if (!options.dryRun) await api.changes.beginEpoch();
        return importMy({
          ...options,
          source,
          now: clock.now(),
          target: {
            database,
            bringOrganizations: api.organizations.bring,
            bringSystems: api.systems.bring,
            bringErased: api.systems.bringErased,
            bringBeats: api.heartbeats.bring,
            bringInventories: api.inventory.bring,
            bringAlerts: api.alerts.bring,
          },
        });
      }),
    tellChange: changeLog.tell,
    async databaseTime() {
      const [row] = await database.query<{ now: Date }>("select clock_timestamp() as now");
      return row?.now ?? clock.now();
    },
    urls: () => servers && { main: servers.main?.url ?? "", operations: servers.operations?.url ?? "" },
    report,
    start,
    announce,
    reload() {
      log.info("Reading certificate and inventory rules again where they changed. Settings need a restart.");
      certificateWatch?.look();
      rulesInForce.fault();
    },
    drain: async (leastMs, limitMs) => servers?.main?.drain(leastMs, limitMs),
    steer: (target) => steerConnections(config.http.listenAddress.port, target),
    stop: (limitMs = config.processes.shutdownTimeoutMs) => (stopping ??= stop(limitMs)),
  };
}

/** What is left comes back when its lease runs out, to whoever works then. */
async function finishJobs(runner: Runner, limitMs: number): Promise<string[]> {
  await runner.stop(limitMs);
  const running = Object.entries(runner.stats()).filter(([, stats]) => stats.running > 0);
  return running.map(([queue, stats]) => `${counted(stats.running, "job")} of ${queue}`);
}

function fetchMeasured(
  routes: AnyElysia,
  measure: ReturnType<typeof openMeasure>,
  request: Request,
  server: Bun.Server<undefined>,
  proxies: TrustedProxies | undefined,
): Promise<Response> {
  routes.server ??= throughProxies(server, proxies);
  return measure(request, () => routes.fetch(request));
}

const startOperations = ({ healthListenAddress }: Config["http"], fetch: (request: Request) => Promise<Response>) =>
  startServer({ address: healthListenAddress, fetch, maxBodyBytes: 1024 });

function announceStart(
  log: Log,
  config: Config,
  postgres: OpenedPostgres,
  redis: OpenedRedis | undefined,
  { main = "elsewhere", operations = "nowhere" }: Record<"main" | "operations", string | undefined>,
) {
  log.info(`Database: ${postgres.describe}.`);
  log.info(`Queue, rate limits and signals: ${redis?.describe ?? "in that database and in this process (no Redis)"}.`);
  log.info(`Inventory rules: ${config.inventory.rulesFile ?? "built in"}.`);
  log.info(`Appliances and operators: ${main}. Health, readiness, metrics: ${operations}.`);
  log.info(
    'Ready. "muster systems add --name NAME" adds the first system, "muster tokens add --name NAME" an operator token.',
  );
}
