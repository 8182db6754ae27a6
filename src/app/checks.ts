// Whether Muster may be trusted with work right now: the checks of what it stands on.
import type { PostgresDatabase } from "../adapters/postgres/database.ts";
import type { OpenedRedis } from "../adapters/redis/open.ts";
import { REDIS_AWAY } from "./services.ts";
import type { Shared } from "./services.ts";
import type { Check, Domain } from "../domain.ts";
import { Failure, reasonOf } from "../errors.ts";
import type { CertificateInForce } from "../http/listen/certificate.ts";

export interface ReadinessDeps extends Pick<Shared, "redis" | "isRedisAway" | "pingRedis"> {
  database: PostgresDatabase;
  domains: Domain[];
  certificate: CertificateInForce | undefined;
}

export function readinessChecks({
  database,
  redis,
  isRedisAway,
  pingRedis,
  domains,
  certificate,
}: ReadinessDeps): Check[] {
  return [
    { name: "database", run: () => checkDatabase(database, redis !== undefined && !isRedisAway()) },
    ...(redis ? [{ name: "redis", run: () => checkRedis(redis, pingRedis) }] : []),
    ...(certificate ? [{ name: "certificate", run: async () => certificate.doubt() }] : []),
    ...domains.flatMap((one) => one.checks ?? []).map(leaveDatabaseAside),
  ];
}

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

/** That the database is away is said by its own check, which also knows whether that matters. */
function leaveDatabaseAside({ name, run }: Check): Check {
  const look = async () => {
    try {
      return await run();
    } catch (error) {
      if (error instanceof Failure && error.code === "database.unavailable") return "Not known: the database is away.";
      if (error instanceof Failure && error.code === "database.ended")
        return "Not known: the database is too slow to say.";
      throw error;
    }
  };
  return { name, run: look };
}
