// Opens the services below Muster: database, queue, limits, signals, objects; carried, yours, or both behind one another.
import { join } from "node:path";
import { openDirectory } from "../adapters/directory/objects.ts";
import { openFailoverLimiter } from "../adapters/failover/limiter.ts";
import { watchPresence } from "../adapters/failover/presence.ts";
import type { Presence } from "../adapters/failover/presence.ts";
import { openFailoverQueue } from "../adapters/failover/queue.ts";
import { joinSignals } from "../adapters/failover/signals.ts";
import { openMemoryLimiter } from "../adapters/memory/limiter.ts";
import type { PostgresDatabase } from "../adapters/postgres/database.ts";
import type { OpenedPostgres } from "../adapters/postgres/open.ts";
import { openPostgresQueue } from "../adapters/postgres/queue/queue.ts";
import { openSignals } from "../adapters/postgres/signals.ts";
import { bridgeInvalidations } from "../adapters/redis/invalidations.ts";
import { openRedisLimiter } from "../adapters/redis/limiter.ts";
import { openRedis } from "../adapters/redis/open.ts";
import type { OpenedRedis } from "../adapters/redis/open.ts";
import { openRedisQueue } from "../adapters/redis/queue/queue.ts";
import { openRedisSignals } from "../adapters/redis/signals.ts";
import { openS3 } from "../adapters/s3/objects.ts";
import { steadyClock } from "../adapters/system/steady.ts";
import type { Config } from "./settings.ts";
import { CREDENTIALS_CHANNEL } from "../domains/systems/index.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports/clock.ts";
import type { Limiter } from "../ports/limiter.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { Queue } from "../ports/queue.ts";
import type { Signals } from "../ports/signals.ts";

interface BackingDeps {
  config: Config;
  log: Log;
  clock: Clock;
  postgres: OpenedPostgres;
  database: PostgresDatabase;
  patience: number | undefined;
}

export interface Shared {
  signals: Signals;
  queue: Queue;
  limiter: Limiter;
  redis: OpenedRedis | undefined;
  isRedisAway(): boolean;
  /** Queue and limiter hear at once what it finds. */
  pingRedis(): Promise<void>;
}

/** Opens what processes share: in Redis when there is one, with PostgreSQL and this process as its fallback. */
export async function openShared(deps: BackingDeps): Promise<Shared> {
  const { config, log, clock: wallClock, postgres, database, patience } = deps;
  const clock = steadyClock(wallClock);
  const signals = await openSignals({ connection: postgres.connection, database, clock, log });
  const queue = openPostgresQueue({ database, clock });
  const limiter = openMemoryLimiter({ clock });
  const { url, db, password, environment, hmacSecret } = config.redis;
  if (url === undefined)
    return { signals, queue, limiter, redis: undefined, isRedisAway: () => false, pingRedis: async () => {} };

  const redis = await openRedis({ url, db, password, clock, log, patience });
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
  const bridge = bridgeInvalidations(CREDENTIALS_CHANNEL, { environment, secret: hmacSecret, log });
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

export const REDIS_AWAY = "Redis is away: new work waits in PostgreSQL, and each process counts its own rate limits";

/** Backups' bytes: the S3 that is named, or a directory. */
export function openObjects(config: Config, clock: Clock): ObjectStore {
  const { endpoint, accessKey, secretKey, bucket, region, usesPathStyle: pathStyle } = config.objects;
  if (!endpoint || !accessKey || !secretKey || !bucket) return openDirectory(join(config.data.directory, "objects"));
  return openS3({ endpoint, accessKey, secretKey, bucket, region, pathStyle, clock });
}
