// Dumps and restores without the app, which would upgrade what it opens: PostgreSQL, objects, and the jobs in Redis.
import { existsSync, readdirSync, rmSync, statSync, createReadStream } from "node:fs";
import { chown, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openDatabase } from "../adapters/postgres/database.ts";
import { migrate } from "../adapters/postgres/migrate.ts";
import type { MigrationResult } from "../adapters/postgres/migrate.ts";
import { openPostgres } from "../adapters/postgres/open.ts";
import { removeOldFiles, upgradeCarried } from "../adapters/postgres/carried/upgrade.ts";
import type { Upgraded } from "../adapters/postgres/carried/upgrade.ts";
import { openRedis } from "../adapters/redis/open.ts";
import { openRedisQueue } from "../adapters/redis/queue/queue.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { openObjects } from "./services.ts";
import type { Config } from "./settings.ts";
import { writeDumpFile } from "../dump/file.ts";
import { restoreDump, verifyDump } from "../dump/restore.ts";
import { stampOf } from "../dump/upgrade.ts";
import type { OpenFile, Restored, Verified } from "../dump/restore.ts";
import { openDump } from "../dump/write.ts";
import type { Dump, DumpOptions } from "../dump/write.ts";
import { Failure } from "../errors.ts";
import type { Log } from "../log.ts";

export { verifyDump, writeDumpFile };
export type { Dump, OpenFile, Restored, Verified };

interface Dumps {
  /** Names the installation, for messages. */
  installation: string;
  dump(options: { withObjects: boolean; onProgress?: DumpOptions["onProgress"] }): Dump;
  restore(open: OpenFile, verified: Verified): Promise<Restored & { migrated: MigrationResult }>;
  /** Jobs that wait in Redis, which no dump holds; undefined when it cannot be asked. */
  jobsInRedis(): Promise<number | undefined>;
  close(): Promise<void>;
}

interface DumpsOptions {
  /** A restore has the data directory to itself. */
  alone: boolean;
  version: string;
  log: Log;
  signal: AbortSignal;
}

export async function openDumps(config: Config, { alone, version, log, signal }: DumpsOptions): Promise<Dumps> {
  const clock = systemClock();
  const { directory: dataDir } = config.data;
  const { connection, installation, close } = await openPostgres({
    dataDir,
    databaseUrl: config.database.url,
    role: alone ? "serve" : "cli",
    log,
  });
  const objects = openObjects(config, clock);
  return {
    installation,
    dump: ({ withObjects, onProgress }) =>
      openDump({
        connection,
        objects: withObjects ? objects : undefined,
        version,
        at: clock.now(),
        signal,
        onProgress,
      }),
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
      const { url, db, password } = config.redis;
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

interface PostgresUpgrade extends Upgraded<Restored> {
  /** Path of the dump of everything as it was before. */
  dump: string;
}

interface PostgresUpgradeOptions extends Omit<DumpsOptions, "alone"> {
  programs: string | undefined;
  /** Tells the operator what is being done. */
  say(line: string): void;
}

/** Upgrades by way of a dump, which stays; undefined when the database is of the carried PostgreSQL's version already. */
export async function upgradePostgres(
  config: Config,
  { programs, version, log, signal, say }: PostgresUpgradeOptions,
): Promise<PostgresUpgrade | undefined> {
  const { directory: dataDir } = config.data;
  if (config.database.url !== undefined)
    throw new Failure(
      "upgrade.external",
      409,
      "DATABASE_URL names a PostgreSQL of your own: it is upgraded where it runs, not by Muster.",
    );
  const clock = systemClock();
  const objects = openObjects(config, clock);
  const at = clock.now();
  const dump = join(dataDir, "dumps", `before-postgres-${stampOf(at)}.tar.zst`);
  try {
    const upgraded = await upgradeCarried({
      dataDir,
      programs,
      stamp: stampOf(at),
      log,
      async move(from, to) {
        say(`Dumping the database into ${dump}.`);
        await makeDumps(dirname(dump), dataDir);
        await writeDumpFile(dump, openDump({ connection: from, version, at, signal }).bytes, signal);
        say("Loading it into the new PostgreSQL.");
        const bytes = () => createReadStream(dump, { signal, highWaterMark: 1024 ** 2 });
        return restoreDump({ connection: to, objects, now: clock.now(), signal }, bytes, await verifyDump(bytes));
      },
    });
    return upgraded && { ...upgraded, dump };
  } finally {
    await objects.close();
  }
}

/** Returns what was removed: files of an older PostgreSQL, and the dumps that were made of them. */
export async function removeOldPostgres({ data: { directory: dataDir } }: Config): Promise<string[]> {
  const files = await removeOldFiles(dataDir);
  const directory = join(dataDir, "dumps");
  const names = existsSync(directory) ? readdirSync(directory) : [];
  const dumps = names.filter((name) => name.startsWith("before-postgres-")).map((name) => join(directory, name));
  for (const path of dumps) rmSync(path);
  return [...files, ...dumps];
}

/** Root's command must not shut out the service that runs as the directory's owner. */
async function makeDumps(directory: string, dataDir: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { uid, gid } = statSync(dataDir);
  if (process.getuid?.() === 0) await chown(directory, uid, gid);
}
