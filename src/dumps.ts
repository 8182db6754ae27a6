// Dump and restore without the app, which would upgrade what it opens: PostgreSQL, objects, and what Redis holds.
import { openDatabase } from "./adapters/postgres/database.ts";
import { migrate } from "./adapters/postgres/migrate.ts";
import type { MigrationResult } from "./adapters/postgres/migrate.ts";
import { openPostgres } from "./adapters/postgres/open.ts";
import { openRedis } from "./adapters/redis/open.ts";
import { openRedisQueue } from "./adapters/redis/queue.ts";
import { systemClock } from "./adapters/system/clock.ts";
import { openObjects } from "./backing.ts";
import type { Config } from "./config.ts";
import { restoreDump } from "./dump/restore.ts";
import type { OpenFile, Restored, Verified } from "./dump/restore.ts";
import { openDump } from "./dump/write.ts";
import type { Dump } from "./dump/write.ts";
import type { Log } from "./log.ts";

export { writeDumpFile } from "./dump/file.ts";
export { verifyDump } from "./dump/restore.ts";
export type { Dump, OpenFile, Restored, Verified };

export interface Dumps {
  /** Which one, for those who ask. */
  installation: string;
  dump(options: { withObjects: boolean }): Dump;
  restore(open: OpenFile, verified: Verified): Promise<Restored & { migrated: MigrationResult }>;
  /** Jobs that wait in Redis, which no dump holds; undefined when it cannot be asked. */
  jobsInRedis(): Promise<number | undefined>;
  close(): Promise<void>;
}

export interface DumpsOptions {
  /** A restore has the data directory to itself. */
  alone: boolean;
  version: string;
  log: Log;
  signal: AbortSignal;
}

export async function openDumps(config: Config, { alone, version, log, signal }: DumpsOptions): Promise<Dumps> {
  const clock = systemClock();
  const { dataDir, databaseUrl } = config;
  const { connection, installation, close } = await openPostgres({
    dataDir,
    databaseUrl,
    role: alone ? "serve" : "cli",
    log,
  });
  const objects = openObjects(config, clock);
  return {
    installation,
    dump: ({ withObjects }) =>
      openDump({ connection, objects: withObjects ? objects : undefined, version, at: clock.now(), signal }),
    async restore(open, verified) {
      const restored = await restoreDump({ connection, objects, now: clock.now(), signal }, open, verified);
      const database = openDatabase(connection, { maxConnections: 1, log });
      try {
        return { ...restored, migrated: await migrate(database, log) };
      } finally {
        await database.close();
      }
    },
    async jobsInRedis() {
      const { redisUrl: url, redisDb: db, redisPassword: password } = config;
      if (url === undefined) return 0;
      const redis = await openRedis({ url, db, password, clock, log });
      try {
        await redis.ping();
        const queue = openRedisQueue({ ingest: redis.ingest, work: redis.work, clock, log });
        const counts = Object.values(await queue.counts());
        await queue.close();
        return counts.reduce((sum, { pending, delayed, active, dead }) => sum + pending + delayed + active + dead, 0);
      } catch {
        return undefined;
      } finally {
        await redis.close();
      }
    },
    async close() {
      await objects.close();
      await close();
    },
  };
}
