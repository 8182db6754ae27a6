// Opens the PostgreSQL of this process: yours, the carried one, or the carried one that `muster serve` already runs.
import { chmodSync, mkdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { Failure, reasonOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { carriedConnection, findRunningPostgres, openCarriedPostgres } from "./carried/carried.ts";
import type { CarriedInfo } from "./carried/carried.ts";
import type { PostgresConnection } from "./database.ts";
import { heldBy, lockDataDir, lockPath, readHolder, tryLockDataDir } from "./carried/lock.ts";
import type { DataDirLock, LockRole } from "./carried/lock.ts";

interface OpenPostgresOptions {
  dataDir: string;
  databaseUrl: string | undefined;
  /**
   * `serve` owns the data directory until it ends; `cli` uses a running server, or starts one for its own duration; `child` uses
   * the one that the process which started it runs, and never starts its own.
   */
  role: LockRole | "child";
  /** Whether a missing database is made; otherwise it is an error. */
  makes?: boolean;
  /** Connections that a carried server accepts at least, of all processes together. */
  maxClients?: number;
  log: Log;
  waitMs?: number;
}

export interface OpenedPostgres {
  connection: PostgresConnection;
  /** Whether it is the carried server, whichever process started it. */
  carried: boolean;
  /** For the start log, without secrets. */
  describe: string;
  /** Names the installation: the data directory, or the database and its host. */
  installation: string;
  /** Undefined unless this process runs the server. */
  info(): CarriedInfo | undefined;
  /** Kills a carried server that takes longer than `limitMs` to stop; it recovers at its next start. */
  close(limitMs?: number): Promise<void>;
}

/** Making a database takes this long on a slow disk. */
const WAIT_MS = 30_000;
const POLL_MS = 20;
const MAKING_MS = 300;

export async function openPostgres(options: OpenPostgresOptions): Promise<OpenedPostgres> {
  const { databaseUrl, role, makes = role === "serve", log, maxClients, waitMs = WAIT_MS } = options;
  if (databaseUrl) return external(databaseUrl);
  const dataDir = resolve(options.dataDir);
  if (role === "child") return runningElsewhere(carriedConnection(dataDir), dataDir);
  if (makes) makeDataDir(dataDir);
  if (role === "serve") return startOwn(dataDir, log, await lockDataDir(dataDir, { role, waitMs }), maxClients);
  return runningOrOwn(dataDir, { makes, log, waitMs });
}

function external(databaseUrl: string): OpenedPostgres {
  const { hostname, port, pathname, searchParams } = new URL(databaseUrl);
  const host = searchParams.get("host") ?? `${hostname || "localhost"}:${port || "5432"}`;
  return {
    connection: { connectionString: databaseUrl },
    carried: false,
    describe: `PostgreSQL at ${host}, database ${pathname.slice(1) || "(the user's own)"}`,
    installation: `the database ${pathname.slice(1) || "(the user's own)"} at ${host}`,
    info: () => undefined,
    close: async () => {},
  };
}

async function startOwn(dataDir: string, log: Log, lock: DataDirLock, maxClients?: number): Promise<OpenedPostgres> {
  try {
    const carried = await openCarriedPostgres({ dataDir, log, maxClients });
    const { version, user } = carried.info();
    const close = async (limitMs?: number) => {
      await carried.close(limitMs);
      lock.release();
    };
    const describe = `PostgreSQL ${version} carried along, run as ${user}, in ${dataDir}/postgres`;
    const installation = describeDataDir(dataDir);
    return { connection: carried.connection, carried: true, describe, installation, info: carried.info, close };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Commands race with a gateway that starts or stops, and with one another; the process that gets the lock runs the server. */
async function runningOrOwn(
  dataDir: string,
  { makes, log, waitMs }: { makes: boolean; log: Log; waitMs: number },
): Promise<OpenedPostgres> {
  const beganMs = performance.now();
  const endMs = beganMs + waitMs;
  for (;;) {
    // Checked before the lock is taken, which would leave its file behind.
    const isThere = makes || exists(join(dataDir, "postgres/data")) || exists(join(dataDir, "postgres/.upgrade"));
    if (!isThere && !exists(lockPath(dataDir))) throw noInstallation(dataDir);
    const lock = tryLockDataDir(dataDir, "cli");
    if (lock && isThere) return startOwn(dataDir, log, lock);
    if (lock) {
      lock.release();
      // A gateway that is making this directory creates the file before it takes the lock.
      if (performance.now() >= beganMs + MAKING_MS) throw noInstallation(dataDir);
    }
    const holder = readHolder(dataDir);
    // Another command stops its server when it is done, even while others use it: wait for it to finish instead.
    const running = holder?.role === "serve" ? findRunningPostgres(dataDir) : undefined;
    if (running) return runningElsewhere(running, dataDir);
    if (performance.now() >= endMs) {
      if (holder?.role !== "serve") throw heldBy(holder, dataDir);
      const sentence = `The muster that serves from ${dataDir} (pid ${holder.pid}) has no PostgreSQL that answers; see its log.`;
      throw new Failure("database.unavailable", 503, sentence, { retryAfterSeconds: 1 });
    }
    await Bun.sleep(POLL_MS);
  }
}

function runningElsewhere(connection: PostgresConnection, dataDir: string): OpenedPostgres {
  const describe = `PostgreSQL of the muster that serves from ${dataDir}`;
  const installation = describeDataDir(dataDir);
  return { connection, carried: true, describe, installation, info: () => undefined, close: async () => {} };
}

const describeDataDir = (dataDir: string) => `the data directory ${dataDir}`;

export function noInstallation(dataDir: string): Failure {
  return new Failure(
    "installation.missing",
    404,
    `There is no installation in ${dataDir}. Run this with the DATA_DIR or DATABASE_URL of the one that is meant, or make one there: "muster serve" or "muster migrate". Nothing was changed.`,
  );
}

/** A path that cannot be examined counts as present: its user reports why it cannot be used. */
function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"));
  }
}

/** A directory made by root must let PostgreSQL's unprivileged user pass; any other user's stays private. */
function makeDataDir(dataDir: string): void {
  const mode = process.getuid?.() === 0 ? 0o711 : 0o700;
  try {
    const first = mkdirSync(dataDir, { recursive: true, mode });
    if (first === undefined) return;
    // Sets the mode of each new directory, independent of the umask.
    for (let path = dataDir; path.length >= first.length; path = dirname(path)) chmodSync(path, mode);
  } catch (cause) {
    throw new Failure(
      "data_dir.unusable",
      503,
      `${dataDir} cannot be made: ${reasonOf(cause)}. Set another DATA_DIR.`,
      { cause },
    );
  }
}
