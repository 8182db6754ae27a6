// Declares the settings of the gateway itself: data directory, listeners, logins, dumps, queue, processes, log.
import { availableParallelism } from "node:os";
import { LOG_LEVELS } from "../log.ts";
import type { LogLevel } from "../log.ts";
import {
  address,
  cronExpression,
  duration,
  integer,
  networks,
  oneOf,
  optional,
  path,
  setting,
  size,
  yesNo,
} from "./setting.ts";

/** Root's own default must be reachable by the unprivileged user that PostgreSQL runs as, which a checkout in /root is not. */
const defaultDataDir = () => (process.getuid?.() === 0 ? "/var/lib/muster" : "./data");

export const data = {
  directory: setting(
    "DATA_DIR",
    "Directory for everything that is not in your own PostgreSQL, Redis or S3.",
    defaultDataDir(),
    path,
  ),
};

export const http = {
  listenAddress: setting("LISTEN_ADDRESS", "Address for appliances and operators.", "127.0.0.1:8081", address),
  healthListenAddress: setting(
    "HEALTH_LISTEN_ADDRESS",
    "Address for /health, /ready, /metrics and /stats.",
    "127.0.0.1:8091",
    address,
  ),
  tlsCertFile: setting(
    "TLS_CERT_FILE",
    "Certificate and its chain in PEM: LISTEN_ADDRESS speaks TLS. Read again when it changes.",
    "",
    optional(path),
  ),
  tlsKeyFile: setting("TLS_KEY_FILE", "Private key of TLS_CERT_FILE, in PEM.", "", optional(path)),
  tlsClientCaFile: setting(
    "TLS_CLIENT_CA_FILE",
    "Clients must show a certificate of these authorities; a system's has its key as common name. Empty: none.",
    "",
    optional(path),
  ),
  trustedProxies: setting(
    "TRUSTED_PROXIES",
    "Addresses or networks of proxies whose X-Forwarded-For is believed. Empty: none.",
    "",
    optional(networks),
  ),
  maxBodyBytes: setting(
    "API_MAX_REQUEST_SIZE",
    "Largest JSON body, after inflating.",
    "10MB",
    size(1024, 256 * 1024 ** 2),
  ),
};

export const logins = {
  failuresPerMinute: setting(
    "AUTH_FAILURES_PER_MINUTE",
    "Failed logins per client (an IPv4 address or an IPv6 /64) and per key in a minute; more get 429.",
    "10",
    integer(1, 1_000_000),
  ),
};

export const dump = {
  schedule: setting(
    "DUMP_SCHEDULE",
    "Timetable of dumps into the object store: a cron expression in UTC. Empty: none.",
    "",
    optional(cronExpression),
  ),
  keep: setting("DUMP_KEEP", "Scheduled dumps kept; the oldest are deleted first.", "7", integer(1, 10_000)),
  beforeUpgrade: setting(
    "DUMP_BEFORE_UPGRADE",
    "Dump the database into DATA_DIR/dumps before it gets a newer schema.",
    "true",
    yesNo,
  ),
};

export const queue = {
  maxPending: setting(
    "QUEUE_MAX_PENDING",
    "Jobs that may wait; beyond that, ingest answers 503.",
    "100000",
    integer(1, 100_000_000),
  ),
};

/** Answers requests; does the jobs; pushes the jobs of timetables. */
export const ROLES = ["http", "worker", "scheduler"] as const;
export type Role = (typeof ROLES)[number];

function processCount(text: string): number {
  if (text === "auto") return availableParallelism();
  try {
    return integer(1, 64)(text);
  } catch {
    throw new Error("must be auto or a whole number from 1 to 64");
  }
}

export const processes = {
  count: setting(
    "PROCESSES",
    "HTTP processes on one port, with a worker and a supervisor; auto: one for each core. 1: all in one process.",
    "1",
    processCount,
  ),
  roles: setting(
    "ROLES",
    "Which of http, worker, scheduler run here; others on the same database do the rest.",
    ROLES.join(","),
    roleList,
  ),
  shutdownTimeoutMs: setting(
    "SHUTDOWN_TIMEOUT",
    "Longest time that a stop may take, requests and jobs in flight included.",
    "30s",
    duration(1_000, 3_600_000),
  ),
};

export const log = {
  level: setting(
    "LOG_LEVEL",
    "Least severe messages that are logged: debug, info, warn or error.",
    "info",
    oneOf<LogLevel>(LOG_LEVELS),
  ),
  format: setting("LOG_FORMAT", "Form of log lines: text or json.", "text", oneOf(["text", "json"] as const)),
};

function roleList(text: string): readonly Role[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !ROLES.some((role) => role === name));
  if (unknown !== undefined) throw new Error(`must be a list of ${ROLES.join(", ")}`);
  return ROLES.filter((role) => names.includes(role));
}
