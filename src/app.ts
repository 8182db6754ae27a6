// Composition root: opens the adapters, builds each domain on them, and runs the whole in the right order.
import { randomUUIDv7 } from "bun";
import { join } from "node:path";
import type { AnyElysia } from "elysia";
import { Registry } from "prom-client";
import { openFailoverLimiter } from "./adapters/failover/limiter.ts";
import { watchPresence } from "./adapters/failover/presence.ts";
import type { Presence } from "./adapters/failover/presence.ts";
import { openFailoverQueue } from "./adapters/failover/queue.ts";
import { joinSignals } from "./adapters/failover/signals.ts";
import { openDirectory } from "./adapters/directory/objects.ts";
import { openMemoryLimiter } from "./adapters/memory/limiter.ts";
import { openDatabase } from "./adapters/postgres/database.ts";
import type { PostgresDatabase } from "./adapters/postgres/database.ts";
import { migrate } from "./adapters/postgres/migrate.ts";
import type { MigrationResult } from "./adapters/postgres/migrate.ts";
import { openPostgres } from "./adapters/postgres/open.ts";
import type { OpenedPostgres } from "./adapters/postgres/open.ts";
import { openPostgresQueue } from "./adapters/postgres/queue.ts";
import { openSignals } from "./adapters/postgres/signals.ts";
import type { RedisHealth } from "./adapters/redis/health.ts";
import { bridgeInvalidations } from "./adapters/redis/invalidations.ts";
import { openRedisLimiter } from "./adapters/redis/limiter.ts";
import { openRedis } from "./adapters/redis/open.ts";
import type { OpenedRedis } from "./adapters/redis/open.ts";
import { openRedisQueue } from "./adapters/redis/queue.ts";
import { openRedisSignals } from "./adapters/redis/signals.ts";
import { openS3 } from "./adapters/s3/objects.ts";
import { systemClock } from "./adapters/system/clock.ts";
import type { Config } from "./config.ts";
import type { Check, Domain } from "./domain.ts";
import { openApplications } from "./domains/applications/index.ts";
import type { Applications } from "./domains/applications/index.ts";
import { openFleet } from "./domains/fleet/index.ts";
import type { FleetReader } from "./domains/fleet/index.ts";
import { openBackups } from "./domains/backups/index.ts";
import type { BackupsApi } from "./domains/backups/index.ts";
import { openCompliance, ruleSections } from "./domains/compliance/index.ts";
import type { Policy } from "./domains/compliance/index.ts";
import { openHealth } from "./domains/health/index.ts";
import { openHeartbeats } from "./domains/heartbeats/index.ts";
import { openInventory, openRulesInForce } from "./domains/inventory/index.ts";
import type { Inventory, RulesInForce } from "./domains/inventory/index.ts";
import { openOperators } from "./domains/operators/index.ts";
import type { Operators } from "./domains/operators/index.ts";
import { openOverview } from "./domains/overview/index.ts";
import { openQueues } from "./domains/queues/index.ts";
import { CREDENTIALS_CHANNEL, openSystems } from "./domains/systems/index.ts";
import type { Systems } from "./domains/systems/index.ts";
import { Failure, reasonOf } from "./errors.ts";
import { openBodyReader } from "./http/body.ts";
import { openMeasure } from "./http/measure.ts";
import { operationsHandler } from "./http/operations.ts";
import { buildRoutes } from "./http/routes.ts";
import { startServer } from "./http/server.ts";
import type { RunningServer } from "./http/server.ts";
import { openAdmission } from "./jobs/admission.ts";
import { openRunner } from "./jobs/runner.ts";
import type { Runner } from "./jobs/runner.ts";
import { openScheduler } from "./jobs/scheduler.ts";
import type { Scheduler } from "./jobs/scheduler.ts";
import type { Log } from "./log.ts";
import { observePlumbing } from "./metrics.ts";
import type { Clock } from "./ports/clock.ts";
import type { Limiter } from "./ports/limiter.ts";
import type { ObjectStore } from "./ports/objects.ts";
import type { Queue } from "./ports/queue.ts";
import type { Signals } from "./ports/signals.ts";

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
  const body = openBodyReader({ clock });
  const admit = openAdmission({ queue, maxPending: config.queueMaxPending });
  const failuresPerMinute = config.authFailuresPerMinute;

  const operators = openOperators({ database, limiter, clock, failuresPerMinute });
  const systems = openSystems({
    database,
    limiter,
    signals,
    clock,
    body,
    discardLane: (systemId) => queue.discardLane(systemId),
    healthOf: openHealth({ database, clock }),
    keyPrefix: config.systemKeyPrefix,
    cacheTtlMs: config.systemAuthCacheTtl,
    failuresPerMinute,
    registrationsPerMinute: config.registerRatePerMinute,
  });
  const { authenticate } = systems;
  const heartbeats = openHeartbeats({
    database,
    queue,
    clock,
    authenticate,
    admit,
    gatewayId: randomUUIDv7(),
    exclusive: postgres.carried,
    timeoutMinutes: config.heartbeatTimeoutMinutes,
  });
  const inventory = openInventory({
    database,
    queue,
    clock,
    limiter,
    body,
    authenticate,
    showSystem: systems.show,
    admit,
    maxBytes: config.apiMaxRequestSize,
    ratePerMinute: config.inventoryRatePerMinute,
    keepers: [
      (tx, newest) => fleet.keep(tx, newest),
      (tx, newest) => compliance.keeper(tx, newest),
      (tx, newest) => applications.keep(tx, newest),
    ],
    rulesInForce,
  });
  const fleet = openFleet({ database, documents: inventory.documents });
  const applications = openApplications({ database, documents: inventory.documents, showSystem: systems.show });
  const objects = openObjects(config, clock);
  const backups = openBackups({
    database,
    objects,
    queue,
    limiter,
    clock,
    body,
    authenticate,
    showSystem: systems.show,
    limits: {
      maxUploadBytes: config.backupMaxUploadSize,
      maxPerSystem: config.backupMaxPerSystem,
      maxBytesPerSystem: config.backupMaxSizePerSystem,
      maxBytesPerOrganization: config.backupMaxSizePerOrg,
      perMinute: config.backupRateLimitPerMinute,
      perHour: config.backupRateLimitPerHour,
      lockDays: config.backupLockDays,
    },
    verifyDays: config.backupVerifyDays,
    spoolDirectory: join(config.dataDir, "spool"),
  });
  const compliance = openCompliance({
    database,
    clock,
    policy: rulesInForce.policy,
    restate: inventory.restate,
    changeResolvesAfterDays: () => rulesInForce.ruleSet().critical_change.resolve_after_days,
    showSystem: systems.show,
  });
  const overview = openOverview({ clock, queue, countSystems: systems.count, inventory: inventory.reader });
  const domains: Domain[] = [
    systems,
    heartbeats,
    inventory,
    fleet,
    applications,
    compliance,
    backups,
    overview,
    openQueues({ queue, body }),
  ];

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

  const checks: Check[] = [
    { name: "database", run: () => checkDatabase(database, redis !== undefined && !isRedisAway()) },
    ...(redis ? [{ name: "redis", run: () => checkRedis(redis, pingRedis) }] : []),
    ...domains.flatMap((one) => one.checks ?? []).map(leaveDatabaseAside),
  ];
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

interface Shared {
  signals: Signals;
  queue: Queue;
  limiter: Limiter;
  redis: OpenedRedis | undefined;
  isRedisAway(): boolean;
  /** What it finds is known to queue and limiter at once. */
  pingRedis(): Promise<void>;
}

/** What processes share: in Redis when there is one, with PostgreSQL and this process behind it. */
async function openShared({
  config,
  log,
  clock,
  postgres,
  database,
}: Omit<Parts, "role" | "version" | "rulesInForce">): Promise<Shared> {
  const signals = await openSignals({ connection: postgres.connection, database, clock, log });
  const queue = openPostgresQueue({ database, clock });
  const limiter = openMemoryLimiter({ clock });
  const { redisUrl, redisDb, redisPassword, appEnv, internalHmacSecret } = config;
  if (redisUrl === undefined)
    return { signals, queue, limiter, redis: undefined, isRedisAway: () => false, pingRedis: async () => {} };

  const redis = await openRedis({ url: redisUrl, db: redisDb, password: redisPassword, clock, log });
  const { ingest, work, subscriber } = redis;
  const primary: Presence = watchPresence({
    probe: redis.ping,
    clock,
    log,
    words: { away: `${REDIS_AWAY}.`, back: "Redis is back." },
  });
  const fallback = watchPresence({
    probe: () => database.query("select 1"),
    clock,
    log,
    words: { away: "The queue in PostgreSQL is away.", back: "The queue in PostgreSQL is back." },
  });
  const pingRedis = () => primary.run(redis.ping);
  await pingRedis().catch(() => {});
  const bridge = bridgeInvalidations(CREDENTIALS_CHANNEL, { environment: appEnv, secret: internalHmacSecret, log });
  return {
    redis,
    isRedisAway: primary.isAway,
    pingRedis,
    signals: joinSignals(signals, openRedisSignals({ subscriber, publisher: ingest, clock, log, bridges: [bridge] })),
    queue: openFailoverQueue({
      primary: openRedisQueue({ ingest, work, clock, log }),
      fallback: queue,
      presence: { primary, fallback },
      clock,
    }),
    limiter: openFailoverLimiter({
      primary: openRedisLimiter({ connection: ingest, clock }),
      fallback: limiter,
      presence: primary,
    }),
  };
}

const REDIS_AWAY = "Redis is away: new work waits in PostgreSQL, and each process counts its own rate limits";

async function checkRedis(redis: OpenedRedis, ping: () => Promise<void>): Promise<string | undefined> {
  try {
    await ping();
    const { dangers } = await redis.examine();
    return dangers.length > 0 ? dangers.join(" ") : undefined;
  } catch (error) {
    return `${REDIS_AWAY} (${reasonOf(error)}).`;
  }
}

/** Without the database Muster is of no use, unless Redis keeps what comes until it is back. */
async function checkDatabase(database: PostgresDatabase, hasRedis: boolean): Promise<string | undefined> {
  try {
    await database.query("select 1", [], { timeoutMs: 2_000 });
    return undefined;
  } catch (error) {
    if (!hasRedis) throw error;
    return `The database is away; heartbeats and inventories of known systems wait in Redis (${reasonOf(error)}).`;
  }
}

/** Backups' bytes: the S3 that is named, or a directory. */
function openObjects(config: Config, clock: Clock): ObjectStore {
  const { s3Endpoint: endpoint, s3AccessKey: accessKey, s3SecretKey: secretKey, backupS3Bucket: bucket } = config;
  if (!endpoint || !accessKey || !secretKey || !bucket) return openDirectory(join(config.dataDir, "objects"));
  const { backupS3Region: region, backupS3UsePathStyle: pathStyle } = config;
  return openS3({ endpoint, accessKey, secretKey, bucket, region, pathStyle, clock });
}

/** That the database is away is said by its own check, which also knows whether that matters. */
function leaveDatabaseAside({ name, run }: Check): Check {
  const look = async () => {
    try {
      return await run();
    } catch (error) {
      if (error instanceof Failure && error.code === "database.unavailable") return "Not known: the database is away.";
      throw error;
    }
  };
  return { name, run: look };
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
