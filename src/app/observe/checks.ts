// Checks whether Muster may be trusted with work right now: the list behind /ready, and behind `muster doctor`.
import type { PostgresDatabase } from "../../adapters/postgres/database.ts";
import type { OpenedRedis } from "../../adapters/redis/open.ts";
import type { Check, Domain } from "../../domain.ts";
import { Failure, reasonOf } from "../../errors.ts";
import type { CertificateInForce } from "../../http/listen/certificate.ts";
import { runCheck } from "../../http/operations.ts";
import type { CheckResult } from "../../http/operations.ts";
import { REDIS_AWAY } from "../services.ts";
import type { Shared } from "../services.ts";
import type { Children } from "./report.ts";

interface ChecksDeps extends Pick<Shared, "redis" | "isRedisAway" | "pingRedis"> {
  database: PostgresDatabase;
  domains: readonly Domain[];
  certificate: CertificateInForce | undefined;
  children: Children | undefined;
  /** How many times longer than usual an answer is waited for. */
  patience: number | undefined;
  /** Describes both services. */
  runsOn: { database: string; redis: string | undefined };
}

export function openChecks(deps: ChecksDeps): Check[] {
  const { database, redis, isRedisAway, pingRedis, domains, certificate, children, runsOn, patience } = deps;
  const all: Check[] = [
    {
      name: "database",
      run: () => checkDatabase(database, redis !== undefined && !isRedisAway(), patience),
      advice: "Check DATABASE_URL, or DATA_DIR/postgres/postgres.log for what the carried PostgreSQL itself says.",
      well: () => `${runsOn.database}.`,
    },
    ...(redis
      ? [
          {
            name: "redis",
            run: () => checkRedis(redis, pingRedis),
            advice: "Check REDIS_URL, REDIS_PASSWORD, that the server runs and lets this host in, and how it persists.",
            well: () => `${runsOn.redis}.`,
          },
        ]
      : []),
    ...(certificate
      ? [
          {
            name: "certificate",
            run: async () => certificate.warning(),
            advice: "Renew it, or make its files fit together; the new ones are read by themselves.",
          },
        ]
      : []),
    ...domains.flatMap((one) => one.checks ?? []).map(leaveDatabaseAside),
    ...(children?.checks ?? []),
  ];
  return all.map((one) => ({ ...one, patience }));
}

export interface Examined extends CheckResult {
  name: string;
  /** A sentence for a check that is well. */
  well?: string | undefined;
}

/** An operator waits longer than a probe: until a store that is far or away says so itself. */
const EXAMINE_MS = 20_000;

/** All of them, also those that /ready leaves out. */
export const examineChecks = (checks: readonly Check[]): Promise<Examined[]> =>
  Promise.all(
    checks.map(async (one) => ({ name: one.name, well: one.well?.(), ...(await runCheck(one, EXAMINE_MS)) })),
  );

async function checkRedis(redis: OpenedRedis, ping: () => Promise<void>): Promise<string | undefined> {
  try {
    await ping();
    const { dangers } = await redis.examine();
    return dangers.length > 0 ? dangers.join(" ") : undefined;
  } catch (error) {
    return `${REDIS_AWAY} (${reasonOf(error)}).`;
  }
}

/** Sooner than a check is given up, which would say less. */
const DATABASE_MS = 2_000;

/** A database that is away makes Muster unready, unless Redis stores what arrives meanwhile. */
async function checkDatabase(database: PostgresDatabase, hasRedis: boolean, patience = 1): Promise<string | undefined> {
  try {
    await database.query("select 1", [], { timeoutMs: DATABASE_MS * patience });
    return undefined;
  } catch (error) {
    if (!hasRedis) throw error;
    return `The database is away; heartbeats and inventories of known systems wait in Redis (${reasonOf(error)}).`;
  }
}

/** An outage of the database is reported by its own check alone, which knows whether it matters. */
function leaveDatabaseAside({ run, ...check }: Check): Check {
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
  return { ...check, run: look };
}
