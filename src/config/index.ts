// Every setting once: name, meaning, default, how it is read. The only file that looks at the environment.
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import {
  address,
  bucketName,
  cronExpression,
  duration,
  environmentName,
  integer,
  keyPrefix,
  longSecret,
  networks,
  oneOf,
  optional,
  s3Endpoint,
  size,
  url,
  yesNo,
} from "./setting.ts";
import { LOG_LEVELS } from "../log.ts";
import type { LogLevel } from "../log.ts";
import { hideUserinfo, hideUserinfos } from "../values/net/userinfo.ts";
import { findMisspelt } from "./misspelt.ts";
import type { Misspelt } from "./misspelt.ts";

export interface Setting<T> {
  /** Name of the environment variable. */
  env: string;
  /** One sentence for README's table and `muster config`. */
  doc: string;
  /** As one would write it in the environment; empty = unset. */
  default: string;
  /** Hidden in every print; can also come from a file named by `<env>_FILE`. */
  secret?: boolean;
  /** Throws a sentence fragment ("must be …") for a bad value. */
  parse: (text: string) => T;
}

const setting = <T>(
  env: string,
  doc: string,
  fallback: string,
  parse: (text: string) => T,
  secret = false,
): Setting<T> => ({ env, doc, default: fallback, parse, secret });

/** Root's own default must be reachable by the unprivileged user that PostgreSQL runs as, which a checkout in /root is not. */
const defaultDataDir = () => (process.getuid?.() === 0 ? "/var/lib/muster" : "./data");

/** Answers requests; does the jobs; pushes the jobs of timetables. */
export const ROLES = ["http", "worker", "scheduler"] as const;
export type Role = (typeof ROLES)[number];

export const settings = {
  dataDir: setting("DATA_DIR", "Where everything is kept that no service of yours keeps.", defaultDataDir(), (text) =>
    resolve(text),
  ),
  databaseUrl: setting(
    "DATABASE_URL",
    "Your PostgreSQL (14 or newer). Empty: the carried one.",
    "",
    optional(url("postgres:", "postgresql:")),
    true,
  ),
  databaseMaxConns: setting("DATABASE_MAX_CONNS", "Connections one process opens at most.", "10", integer(2, 1000)),
  redisUrl: setting(
    "REDIS_URL",
    "Your Redis (6.2 or newer) for queue, rate limits and signals. Empty: PostgreSQL and this process.",
    "",
    optional(url("redis:", "rediss:", "unix:")),
    true,
  ),
  redisDb: setting("REDIS_DB", "Its database, unless the URL names one.", "1", integer(0, 1_000)),
  redisPassword: setting("REDIS_PASSWORD", "Its password, unless the URL holds one.", "", optional(String), true),
  appEnv: setting(
    "APP_ENV",
    "Last part of the Redis channel on which a NethServer backend tells of changed credentials.",
    "dev",
    environmentName,
  ),
  internalHmacSecret: setting(
    "INTERNAL_HMAC_SECRET",
    "What that backend signs its messages with, 32 characters or more. Empty: signatures are not checked.",
    "",
    optional(longSecret),
    true,
  ),
  listenAddress: setting("LISTEN_ADDRESS", "Where appliances and operators reach Muster.", "127.0.0.1:8081", address),
  healthListenAddress: setting(
    "HEALTH_LISTEN_ADDRESS",
    "Where /health, /ready, /metrics and /stats answer.",
    "127.0.0.1:8091",
    address,
  ),
  tlsCertFile: setting(
    "TLS_CERT_FILE",
    "Certificate and its chain in PEM: LISTEN_ADDRESS speaks TLS. Read again when it changes.",
    "",
    optional((text) => resolve(text)),
  ),
  tlsKeyFile: setting(
    "TLS_KEY_FILE",
    "Its private key in PEM.",
    "",
    optional((text) => resolve(text)),
  ),
  tlsClientCaFile: setting(
    "TLS_CLIENT_CA_FILE",
    "Clients must show a certificate of these authorities; a system's bears its key as common name. Empty: none.",
    "",
    optional((text) => resolve(text)),
  ),
  trustedProxies: setting(
    "TRUSTED_PROXIES",
    "Addresses or networks of proxies whose X-Forwarded-For is believed. Empty: nobody's.",
    "",
    optional(networks),
  ),
  apiMaxRequestSize: setting(
    "API_MAX_REQUEST_SIZE",
    "Largest JSON body, after inflating.",
    "10MB",
    size(1024, 256 * 1024 ** 2),
  ),
  heartbeatTimeoutMinutes: setting(
    "HEARTBEAT_TIMEOUT_MINUTES",
    "A system is inactive after this long without a heartbeat.",
    "10",
    integer(1, 7 * 24 * 60),
  ),
  systemKeyPrefix: setting("SYSTEM_KEY_PREFIX", "First part of new system keys.", "NOC", keyPrefix),
  systemAuthCacheTtl: setting(
    "SYSTEM_AUTH_CACHE_TTL",
    "How long a verified credential is trusted without asking the database.",
    "60s",
    duration(1_000, 600_000),
  ),
  registerRatePerMinute: setting(
    "REGISTER_RATE_PER_MINUTE",
    "Registrations tried per client (an IPv4 address or an IPv6 /64) and minute.",
    "30",
    integer(1, 1_000_000),
  ),
  authFailuresPerMinute: setting(
    "AUTH_FAILURES_PER_MINUTE",
    "Failed logins per client (an IPv4 address or an IPv6 /64) and per key in a minute; more get 429.",
    "10",
    integer(1, 1_000_000),
  ),
  inventoryRatePerMinute: setting(
    "INVENTORY_RATE_PER_MINUTE",
    "Inventories one system may send per minute.",
    "120",
    integer(1, 1_000_000),
  ),
  inventoryPerSystem: setting(
    "INVENTORY_PER_SYSTEM",
    "Inventory history one system may add a day (UTC): documents as received, and the values of what changed.",
    "100MB",
    size(1024 ** 2, 1024 ** 5),
  ),
  inventoryPerOrganization: setting(
    "INVENTORY_PER_ORGANIZATION",
    "The same for all systems of an organization together.",
    "10GB",
    size(1024 ** 2, 1024 ** 5),
  ),
  inventoryRulesFile: setting(
    "INVENTORY_RULES_FILE",
    "JSON file with rules for inventory changes. Empty: the built-in ones.",
    "",
    optional((text) => resolve(text)),
  ),
  s3Endpoint: setting(
    "S3_ENDPOINT",
    "S3 for backups, such as https://ams3.digitaloceanspaces.com. Empty: DATA_DIR/objects.",
    "",
    optional(s3Endpoint),
  ),
  s3AccessKey: setting(
    "S3_ACCESS_KEY",
    "Access key of S3_ENDPOINT.",
    "",
    optional((text) => text),
  ),
  s3SecretKey: setting(
    "S3_SECRET_KEY",
    "Secret key of S3_ENDPOINT.",
    "",
    optional((text) => text),
    true,
  ),
  backupS3Region: setting("BACKUP_S3_REGION", "Region of the bucket.", "us-east-1", (text) => text),
  backupS3Bucket: setting("BACKUP_S3_BUCKET", "Bucket that holds the backups.", "", optional(bucketName)),
  backupS3UsePathStyle: setting(
    "BACKUP_S3_USE_PATH_STYLE",
    "Bucket in the path instead of the host name: MinIO, Garage, Ceph.",
    "false",
    yesNo,
  ),
  backupS3AllowInsecure: setting(
    "BACKUP_S3_ALLOW_INSECURE",
    "Let S3_ENDPOINT be plain http beyond this machine.",
    "false",
    yesNo,
  ),
  backupMaxUploadSize: setting("BACKUP_MAX_UPLOAD_SIZE", "Largest backup.", "2GB", size(1, 5 * 1024 ** 3)),
  backupMaxPerSystem: setting(
    "BACKUP_MAX_PER_SYSTEM",
    "Backups kept of one system; the oldest go first.",
    "10",
    integer(1, 100_000),
  ),
  backupMaxSizePerSystem: setting(
    "BACKUP_MAX_SIZE_PER_SYSTEM",
    "Bytes kept of one system; the oldest go first, and a larger backup is refused.",
    "500MB",
    size(1, 1024 ** 5),
  ),
  backupMaxSizePerOrg: setting(
    "BACKUP_MAX_SIZE_PER_ORG",
    "Bytes kept of one organisation; beyond it uploads are refused. 0: no limit.",
    "100GB",
    size(0, 1024 ** 5),
  ),
  backupRateLimitPerMinute: setting(
    "BACKUP_RATE_LIMIT_PER_MINUTE",
    "Backups one system may upload per minute. 0: no limit.",
    "6",
    integer(0, 1_000_000),
  ),
  backupRateLimitPerHour: setting(
    "BACKUP_RATE_LIMIT_PER_HOUR",
    "Backups one system may upload per hour. 0: no limit.",
    "60",
    integer(0, 1_000_000),
  ),
  backupLockDays: setting(
    "BACKUP_LOCK_DAYS",
    "Days for which nobody can delete a backup, nor retention. 0: none.",
    "0",
    integer(0, 3650),
  ),
  backupVerifyDays: setting(
    "BACKUP_VERIFY_DAYS",
    "Every backup is read back and hashed again once in so many days.",
    "30",
    integer(1, 3650),
  ),
  mimirUrl: setting(
    "MIMIR_URL",
    "Grafana Mimir or Alertmanager, up to /alertmanager (or to /api/v2). Empty: alerts lead nowhere.",
    "",
    optional(url("http:", "https:")),
    true,
  ),
  alertsForward: setting(
    "ALERTS_FORWARD",
    "queue: alerts are kept, then delivered; direct: the sender waits for Alertmanager's own answer.",
    "queue",
    oneOf(["queue", "direct"] as const),
  ),
  alertsRatePerMinute: setting(
    "ALERTS_RATE_PER_MINUTE",
    "Posts of alerts one system may send per minute, each 200 alerts being one; and changes of silences.",
    "300",
    integer(1, 1_000_000),
  ),
  silencesPerSystem: setting(
    "SILENCES_PER_SYSTEM",
    "Silences one system may have pending or active; ten times as many with those that ended in the last 5 days.",
    "50",
    integer(1, 100_000),
  ),
  silencesPerOrganization: setting(
    "SILENCES_PER_ORGANIZATION",
    "The same for all systems of an organization together.",
    "1000",
    integer(1, 1_000_000),
  ),
  silenceMaxSize: setting("SILENCE_MAX_SIZE", "Largest silence of a system, as JSON.", "4KB", size(512, 64 * 1024)),
  silenceMaxDuration: setting(
    "SILENCE_MAX_DURATION",
    "How far from now a silence of a system may end.",
    "31d",
    duration(60_000, 3_650 * 86_400_000),
  ),
  linkfailedSilenceMaxDuration: setting(
    "LINKFAILED_SILENCE_MAX_DURATION",
    "The same for one that covers LinkFailed, which must ring when the system is gone for good.",
    "24h",
    duration(60_000, 3_650 * 86_400_000),
  ),
  linkfailedInterval: setting(
    "LINKFAILED_INTERVAL",
    "How often LinkFailed is said again of silent systems, in whole minutes.",
    "5m",
    duration(60_000, 3_600_000),
  ),
  siteUnreachablePercent: setting(
    "SITE_UNREACHABLE_PERCENT",
    "When more of an organization's systems fall silent together, one SiteUnreachable rings for all.",
    "30",
    integer(1, 100),
  ),
  siteUnreachableMinimum: setting(
    "SITE_UNREACHABLE_MINIMUM",
    "But only when there are so many.",
    "5",
    integer(2, 1_000_000),
  ),
  alertingHistoryWebhookSecret: setting(
    "ALERTING_HISTORY_WEBHOOK_SECRET",
    "Bearer token of Alertmanager's webhook to /api/alert_history, 32 characters or more. Empty: refused.",
    "",
    optional(longSecret),
    true,
  ),
  alertHistoryDays: setting("ALERT_HISTORY_DAYS", "How long alerts that are over are kept.", "183", integer(1, 36_500)),
  dumpSchedule: setting(
    "DUMP_SCHEDULE",
    "When the database is dumped into the object store: a cron expression in UTC. Empty: never.",
    "",
    optional(cronExpression),
  ),
  dumpKeep: setting("DUMP_KEEP", "Scheduled dumps kept; the oldest go first.", "7", integer(1, 10_000)),
  dumpBeforeUpgrade: setting(
    "DUMP_BEFORE_UPGRADE",
    "Dump the database into DATA_DIR/dumps before it gets a newer schema.",
    "true",
    yesNo,
  ),
  queueMaxPending: setting(
    "QUEUE_MAX_PENDING",
    "Jobs waiting before ingest answers 503.",
    "100000",
    integer(1, 100_000_000),
  ),
  queueMaxWait: setting(
    "QUEUE_MAX_WAIT",
    "Work that has waited longer degrades /ready, with its queue and system.",
    "10m",
    duration(1_000, 7 * 86_400_000),
  ),
  processes: setting(
    "PROCESSES",
    "HTTP processes on one port, beside a worker and a supervisor; auto: one a core. 1: all in one.",
    "1",
    processCount,
  ),
  roles: setting(
    "ROLES",
    "What is done here of http, worker, scheduler; others on the same database do the rest.",
    ROLES.join(","),
    roleList,
  ),
  shutdownTimeout: setting(
    "SHUTDOWN_TIMEOUT",
    "How long a stop may take, requests and jobs in flight included.",
    "30s",
    duration(1_000, 3_600_000),
  ),
  logLevel: setting("LOG_LEVEL", "debug, info, warn or error.", "info", oneOf<LogLevel>(LOG_LEVELS)),
  logFormat: setting("LOG_FORMAT", "text or json.", "text", oneOf(["text", "json"] as const)),
};

type Settings = typeof settings;
export type Config = { readonly [Name in keyof Settings]: ReturnType<Settings[Name]["parse"]> };
export type Environment = Record<string, string | undefined>;

/** Every fault of an environment at once, one sentence a line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(readonly problems: string[]) {
    super(problems.join("\n"));
  }
}

/** Reads the environment whole, or throws a ConfigError that names every fault. */
export function parseConfig(env: Environment = process.env): Config {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(settings) as [string, Setting<unknown>][]) {
    try {
      const text = readSetting(one, env);
      try {
        values[name] = one.parse(text);
      } catch (error) {
        problems.push(
          `${one.env} ${(error as Error).message}, got ${one.secret ? "a value that is hidden" : JSON.stringify(hideUserinfo(text))}.`,
        );
      }
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  const read = values as Partial<Config>;
  problems.push(...s3Problems(read), ...roleProblems(read), ...tlsProblems(read));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(values) as Config;
}

/** What is in force, as text, with secrets hidden: for `muster config` and the start log. */
export function describeConfig(env: Environment = process.env) {
  return Object.values(settings as Record<string, Setting<unknown>>).map((one) => {
    const text = readSetting(one, env);
    const isSet = text !== one.default;
    return {
      name: one.env,
      value: one.secret && text !== "" ? "(hidden)" : hideUserinfo(text),
      default: one.default,
      set: isSet,
      doc: one.doc,
    };
  });
}

function readSetting(one: Setting<unknown>, env: Environment): string {
  const direct = env[one.env]?.trim();
  if (!one.secret) return direct || one.default;
  const file = env[`${one.env}_FILE`];
  if (!file) return direct || one.default;
  if (direct) throw new Error(`${one.env} and ${one.env}_FILE are both set; keep one.`);
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    const reason = (error as Error).message;
    // Whoever put the URL itself there must not read its password in a log.
    throw new Error(hideUserinfos(`${one.env}_FILE names ${JSON.stringify(file)}, which cannot be read: ${reason}.`));
  }
}

function processCount(text: string): number {
  return text === "auto" ? availableParallelism() : integer(1, 64)(text);
}

function roleList(text: string): readonly Role[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !ROLES.some((role) => role === name));
  if (unknown !== undefined) throw new Error(`must be a list of ${ROLES.join(", ")}`);
  return ROLES.filter((role) => names.includes(role));
}

/** Roles that nobody else could take over, and processes without a role. */
function roleProblems({ roles, processes, databaseUrl }: Partial<Config>): string[] {
  if (!roles) return [];
  const problems: string[] = [];
  const missing = ROLES.filter((role) => !roles.includes(role));
  if (missing.length > 0 && databaseUrl === undefined)
    problems.push(
      `ROLES leaves out ${missing.join(" and ")}, and no other muster can reach the carried PostgreSQL: set DATABASE_URL, or leave ROLES unset.`,
    );
  if (processes !== undefined && processes > 1 && !roles.includes("http"))
    problems.push(`PROCESSES counts HTTP processes, and ROLES leaves out http: unset one of them.`);
  return problems;
}

function tlsProblems({ tlsCertFile, tlsKeyFile, tlsClientCaFile }: Partial<Config>): string[] {
  if (tlsCertFile && !tlsKeyFile) return ["TLS_CERT_FILE is set, so TLS_KEY_FILE must be set too."];
  if (tlsKeyFile && !tlsCertFile) return ["TLS_KEY_FILE is set, so TLS_CERT_FILE must be set too."];
  if (tlsClientCaFile && !tlsCertFile)
    return ["TLS_CLIENT_CA_FILE is set, so TLS_CERT_FILE and TLS_KEY_FILE must be set too."];
  return [];
}

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\]|my\.localtest\.me)$/;

/** What only shows when S3's settings are seen together. */
function s3Problems(config: Partial<Config>): string[] {
  const { s3Endpoint: endpoint, s3AccessKey, s3SecretKey, backupS3Bucket, backupS3AllowInsecure } = config;
  if (endpoint === undefined) return [];
  const problems: string[] = [];
  const missing = Object.entries({
    S3_ACCESS_KEY: s3AccessKey,
    S3_SECRET_KEY: s3SecretKey,
    BACKUP_S3_BUCKET: backupS3Bucket,
  }).filter(([, value]) => value === undefined);
  if (missing.length > 0)
    problems.push(`S3_ENDPOINT is set, so ${missing.map(([name]) => name).join(", ")} must be set too.`);
  const { protocol, hostname } = new URL(endpoint);
  if (protocol === "http:" && !LOOPBACK.test(hostname) && backupS3AllowInsecure === false)
    problems.push(
      `S3_ENDPOINT must be https: backups and keys would travel in the clear to ${hostname}. BACKUP_S3_ALLOW_INSECURE=true allows it.`,
    );
  return problems;
}

/** Variables that look like settings and are none. */
export function misspeltSettings(env: Environment): Misspelt[] {
  const all: Setting<unknown>[] = Object.values(settings);
  return findMisspelt(env, {
    settings: all.map((one) => one.env),
    secrets: all.filter((one) => one.secret).map((one) => one.env),
  });
}

/** The process's own environment, for those who hand it on. */
export const environment = (): Environment => process.env;

/** SD_LISTEN_FDS_START */
const FIRST_INHERITED = 3;

/** Descriptor of the socket that systemd listens on for this very process (LISTEN_PID, LISTEN_FDS); it cannot be one of several. */
export function inheritedSocket(env: Environment = process.env, pid = process.pid): number | undefined {
  if (env["LISTEN_PID"] !== String(pid) || !env["LISTEN_FDS"]) return undefined;
  if (env["LISTEN_FDS"] === "1") return FIRST_INHERITED;
  throw new ConfigError([
    `systemd hands over ${env["LISTEN_FDS"]} sockets; muster.socket must have one ListenStream=.`,
  ]);
}
