// Composition root: opens the adapters, builds each domain on them, and runs the whole in the right order.
import type { AnyElysia } from "elysia";
import { Registry } from "prom-client";
import { openDatabase } from "./adapters/postgres/database.ts";
import type { PostgresDatabase } from "./adapters/postgres/database.ts";
import { migrate } from "./adapters/postgres/migrate.ts";
import type { MigrationResult } from "./adapters/postgres/migrate.ts";
import { openPostgres } from "./adapters/postgres/open.ts";
import type { OpenedPostgres } from "./adapters/postgres/open.ts";
import type { RedisHealth } from "./adapters/redis/health.ts";
import type { OpenedRedis } from "./adapters/redis/open.ts";
import { systemClock } from "./adapters/system/clock.ts";
import { openObjects, openShared } from "./backing.ts";
import type { Config } from "./config.ts";
import { openDomains } from "./domains.ts";
import type { Applications } from "./domains/applications/index.ts";
import type { FleetReader } from "./domains/fleet/index.ts";
import type { BackupsApi } from "./domains/backups/index.ts";
import { ruleSections } from "./domains/compliance/index.ts";
import type { Policy } from "./domains/compliance/index.ts";
import { openRulesInForce } from "./domains/inventory/index.ts";
import type { Inventory, RulesInForce } from "./domains/inventory/index.ts";
import type { Operators } from "./domains/operators/index.ts";
import type { Systems } from "./domains/systems/index.ts";
import { openMeasure } from "./http/measure.ts";
import { operationsHandler } from "./http/operations.ts";
import { buildRoutes } from "./http/routes.ts";
import { startServer } from "./http/server.ts";
import type { RunningServer } from "./http/server.ts";
import { openRunner } from "./jobs/runner.ts";
import type { Runner } from "./jobs/runner.ts";
import { openScheduler } from "./jobs/scheduler.ts";
import type { Scheduler } from "./jobs/scheduler.ts";
import type { Log } from "./log.ts";
import { observePlumbing } from "./metrics.ts";
import type { Clock } from "./ports/clock.ts";
import type { ObjectStore } from "./ports/objects.ts";
import type { Queue } from "./ports/queue.ts";
import { readinessChecks } from "./readiness.ts";

/** `serve` owns its data directory and works; `cli` only asks and tells, beside a server or without one. */
export type AppRole = "serve" | "cli";

export interface AppOptions {
  role: AppRole;
  log: Log;
  version: string;
  clock?: Clock;
}

export interface App {
  /** A request as the main listener gets it, without a listener. */
  handle(request: Request): Promise<Response>;
  /** The same for the operations listener. */
  handleOperations(request: Request): Promise<Response>;
  systems: Systems;
  operators: Operators;
  inventory: Inventory;
  backups: BackupsApi;
  objects: Pick<ObjectStore, "describe" | "check">;
  fleet: FleetReader;
  applications: Applications;
  queue: Queue;
  runner: Runner;
  scheduler: Scheduler;
  migrated: MigrationResult;
  /** What is wrong with INVENTORY_RULES_FILE as it is now, every fault named. */
  rulesFault(): string | undefined;
  /** What the app stands on, in words. */
  runsOn: { database: string; redis: string | undefined };
  /** Whether Redis may be trusted with acknowledged work; undefined without one, rejects while it is away. */
  redisHealth(): Promise<RedisHealth | undefined>;
  databaseTime(): Promise<Date>;
  /** Where the listeners answer, once started. */
  urls(): { main: string; operations: string } | undefined;
  /** Listeners, workers and schedules. */
  start(): Promise<void>;
  /** Lets requests and jobs in flight finish, within SHUTDOWN_TIMEOUT, then closes everything. Safe to call twice. */
  stop(): Promise<void>;
}

/** A job pushed by another process, or made due by time alone, is seen within this. */
const POLL_MS = 500;

export async function openApp(config: Config, { role, log, version, clock = systemClock() }: AppOptions): Promise<App> {
  // Read before anything is started: a fault in it must stop the start.
  const rulesInForce = openRulesInForce({
    path: config.inventoryRulesFile,
    clock,
    log,
    guest: ruleSections,
    tolerant: role === "cli",
  });
  const postgres = await openPostgres({ dataDir: config.dataDir, databaseUrl: config.databaseUrl, role, log });
  const database = openDatabase(postgres.connection, { maxConnections: config.databaseMaxConns, log });
  try {
    return await compose({ config, role, log, version, clock, postgres, database, rulesInForce });
  } catch (error) {
    await database.close();
    await postgres.close();
    throw error;
  }
}

interface Parts extends Required<AppOptions> {
  config: Config;
  postgres: OpenedPostgres;
  database: PostgresDatabase;
  rulesInForce: RulesInForce<Policy>;
}

async function compose({ config, role, log, version, clock, postgres, database, rulesInForce }: Parts): Promise<App> {
  const migrated = await migrate(database, log);
  const { signals, queue, limiter, redis, isRedisAway, pingRedis } = await openShared({
    config,
    log,
    clock,
    postgres,
    database,
  });
  const objects = openObjects(config, clock);
  const exclusive = postgres.carried;
  const opened = openDomains({ config, clock, database, queue, limiter, signals, objects, rulesInForce, exclusive });
  const { operators, systems, inventory, fleet, applications, backups, all: domains } = opened;

  const runner = openRunner({ queue, handlers: domains.flatMap((one) => one.jobs ?? []), clock, log, pollMs: POLL_MS });
  const scheduler = openScheduler({ queue, schedules: domains.flatMap((one) => one.schedules ?? []), clock, log });

  const routes = buildRoutes({ domains, authorizeOperator: operators.authorize, log, version });
  const registry = new Registry();
  const measure = openMeasure(
    registry,
    routes.routes.map((route) => route.path).filter((path) => !path.includes(":")),
  );
  observePlumbing(registry, { queue, runner, database, carried: postgres.info });
  for (const domain of domains) domain.metrics?.(registry);

  const checks = readinessChecks({ database, redis, isRedisAway, pingRedis, domains });
  const startedAt = clock.now();
  const stats = async () => ({
    queues: await queue.counts(),
    workers: runner.stats(),
    uptime_seconds: Math.floor((clock.now().getTime() - startedAt.getTime()) / 1000),
    version,
  });
  const handleOperations = operationsHandler({ version, checks, registry, stats });

  let servers: { main: RunningServer; operations: RunningServer } | undefined;
  let stopping: Promise<void> | undefined;

  const start = async () => {
    for (const domain of domains) await domain.start?.();
    servers = listen(config, {
      fetch: (request, server) => fetchMeasured(routes, measure, request, server),
      handleOperations,
    });
    runner.start();
    scheduler.start();
    announce(log, config, postgres, redis, servers);
  };

  const stop = async () => {
    const deadlineMs = config.shutdownTimeout;
    scheduler.stop();
    await servers?.main.stop(deadlineMs);
    // After the listener: what its last requests pushed may still be done now, and is safe in the queue if not.
    await runner.stop(deadlineMs);
    for (const domain of domains) await domain.stop?.();
    await servers?.operations.stop(1_000);
    await queue.close();
    await signals.close();
    await limiter.close();
    await redis?.close();
    await database.close();
    await postgres.close();
    if (role === "serve") log.info("Stopped.");
  };

  return {
    handle: (request) => measure(request, () => routes.handle(request)),
    handleOperations,
    systems,
    operators,
    inventory,
    backups: backups.api,
    objects,
    fleet: fleet.reader,
    applications,
    queue,
    runner,
    scheduler,
    migrated,
    rulesFault: rulesInForce.fault,
    runsOn: { database: postgres.describe, redis: redis?.describe },
    redisHealth: async () => redis?.examine(),
    async databaseTime() {
      const [row] = await database.query<{ now: Date }>("select clock_timestamp() as now");
      return row?.now ?? clock.now();
    },
    urls: () => servers && { main: servers.main.url, operations: servers.operations.url },
    start,
    stop: () => (stopping ??= stop()),
  };
}

function fetchMeasured(
  routes: AnyElysia,
  measure: ReturnType<typeof openMeasure>,
  request: Request,
  server: Bun.Server<undefined>,
): Promise<Response> {
  routes.server ??= server;
  return measure(request, () => routes.fetch(request));
}

interface Handlers {
  fetch(request: Request, server: Bun.Server<undefined>): Promise<Response>;
  handleOperations(request: Request): Promise<Response>;
}

function listen(config: Config, { fetch, handleOperations }: Handlers) {
  const main = startServer({ address: config.listenAddress, fetch });
  const operations = startServer({ address: config.healthListenAddress, fetch: handleOperations, maxBodyBytes: 1024 });
  return { main, operations };
}

/** The start in words: what it runs on, where data lives, what is off. */
function announce(
  log: Log,
  config: Config,
  postgres: OpenedPostgres,
  redis: OpenedRedis | undefined,
  servers: { main: RunningServer; operations: RunningServer },
) {
  log.info(`Database: ${postgres.describe}.`);
  log.info(`Queue, rate limits and signals: ${redis?.describe ?? "in that database and in this process (no Redis)"}.`);
  log.info(`Inventory rules: ${config.inventoryRulesFile ?? "built in"}.`);
  log.info(`Appliances and operators: ${servers.main.url}. Health, readiness, metrics: ${servers.operations.url}.`);
  log.info(
    'Ready. "muster systems add --name NAME" adds the first system, "muster tokens add --name NAME" an operator token.',
  );
}
