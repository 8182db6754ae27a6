// Examines whether a Redis may be trusted with acknowledged work: it must not evict, must persist, and must be the primary.
import type { RedisConnection } from "./connection.ts";

export interface RedisHealth {
  version: string;
  /** Dangers to the data, each as a sentence with advice; empty when there are none. */
  dangers: string[];
}

const MIN_VERSION = [6, 2] as const;
const NEARLY_FULL = 0.9;

/** Uses INFO, since managed services refuse CONFIG. */
export async function examineRedis(connection: RedisConnection): Promise<RedisHealth> {
  const info = parseInfo(String(await connection.command("INFO")));
  return { version: info.get("redis_version") ?? "unknown", dangers: findDangers(info) };
}

function findDangers(info: Map<string, string>): string[] {
  const dangers: string[] = [];
  const [major = 0, minor = 0] = (info.get("redis_version") ?? "").split(".").map(Number);
  if (major < MIN_VERSION[0] || (major === MIN_VERSION[0] && minor < MIN_VERSION[1]))
    dangers.push(`Redis is older than ${MIN_VERSION.join(".")}: upgrade it.`);
  if (info.get("redis_mode") === "cluster")
    dangers.push("Redis is a cluster, which the queue cannot use: name a single server.");
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  if (policy !== "noeviction")
    dangers.push(
      `Redis evicts under memory pressure (maxmemory-policy ${policy}), queues included: set maxmemory-policy noeviction.`,
    );
  if (info.get("aof_enabled") !== "1")
    dangers.push("Redis keeps no append-only file: what it acknowledged is lost when it stops. Set appendonly yes.");
  if ((info.get("aof_last_write_status") ?? "ok") !== "ok")
    dangers.push("Redis could not write its append-only file: look at its disk.");
  if ((info.get("role") ?? "master") !== "master") dangers.push("Redis is a replica: point REDIS_URL at the primary.");
  const [used = 0, max = 0] = ["used_memory", "maxmemory"].map((name) => Number(info.get(name) ?? 0));
  if (max > 0 && used > max * NEARLY_FULL)
    dangers.push(
      `Redis uses ${Math.round((100 * used) / max)} % of its maxmemory and refuses writes when it is full: raise it.`,
    );
  return dangers;
}

function parseInfo(text: string): Map<string, string> {
  return new Map(
    text
      .split(/\r?\n/)
      .filter((line) => line.includes(":") && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
  );
}
