// PostgreSQL for tests: the carried one, started when first needed, or the server named by TEST_POSTGRES_URL.
import { chownSync, chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import type { PostgresConnection, PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { openPostgres } from "../../src/adapters/postgres/open.ts";
import type { OpenedPostgres } from "../../src/adapters/postgres/open.ts";
import { clearRemains, send, serverProcesses } from "../../src/adapters/postgres/remains.ts";
import { layoutOf } from "../../src/adapters/postgres/layout.ts";
import { openLog } from "../../src/log.ts";
import type { Log } from "../../src/log.ts";

export interface TestDatabase {
  /** For code that opens its own connections, and for child processes (DATABASE_URL). */
  url: string;
  connection: PostgresConnection;
  database: PostgresDatabase;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface TestDatabaseOptions {
  /** Without tables: for tests of the migrations themselves. */
  empty?: boolean;
  maxConnections?: number;
}

interface TestServer {
  opened: OpenedPostgres;
  admin: PostgresDatabase;
  /** A migrated database that every test database is a copy of. */
  template: string;
}

/** Quiet but for what a failing test needs to know. */
export const testLog: Log = openLog({ level: "error", format: "text" });

const DIRECTORY_PREFIX = "muster-test-";
const STOP_MS = 3_000;
let server: Promise<TestServer> | undefined;
let directory: string | undefined;
let serial = 0;

/** A database of its own, migrated, in about 25 ms; dropped at the end of `await using`. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { opened, admin, template } = await (server ??= startServer());
  const name = nextName();
  await admin.query(`create database ${name} template ${options.empty ? "template0" : template}`);
  const url = urlOf(opened.connection, name);
  const connection = { connectionString: url };
  const database = openDatabase(connection, { maxConnections: options.maxConnections ?? 10, log: testLog });
  return {
    url,
    connection,
    database,
    [Symbol.asyncDispose]: async () => {
      await database.close();
      await admin.query(`drop database if exists ${name} with (force)`);
    },
  };
}

/** Called once by preload.ts, after the last test. */
export async function stopTestServer(): Promise<void> {
  const running = await server?.catch(() => undefined);
  server = undefined;
  if (running) {
    await running.admin.query(`drop database if exists ${running.template} with (force)`);
    await running.admin.close();
    await running.opened.close();
  }
  removeTestDirectory();
}

/** Synchronous, for the end of the process: an immediate stop, since nobody will read these files again. */
export function removeTestDirectory(): void {
  if (!directory) return;
  const { files } = layoutOf(directory);
  for (const { pid, isMain } of serverProcesses(files)) if (isMain) send(pid, "SIGQUIT");
  const endMs = performance.now() + STOP_MS;
  while (serverProcesses(files).length > 0 && performance.now() < endMs) Bun.sleepSync(5);
  rmSync(directory, { recursive: true, force: true });
  directory = undefined;
}

/** A directory that PostgreSQL's user can reach, also where the tests are run by root. */
export function temporaryDirectory(purpose: string): string {
  const path = mkdtempSync(join(tmpdir(), `${DIRECTORY_PREFIX}${process.pid}-${purpose}-`));
  chmodSync(path, 0o711);
  if (process.getuid?.() === 0) chownSync(path, 0, 0);
  return path;
}

async function startServer(): Promise<TestServer> {
  const databaseUrl = process.env["TEST_POSTGRES_URL"];
  if (!databaseUrl) {
    await removeDirectoriesOfKilledRuns();
    directory = temporaryDirectory("shared");
  }
  const opened = await openPostgres({ dataDir: directory ?? "", databaseUrl, role: "serve", log: testLog });
  const admin = openDatabase(opened.connection, { maxConnections: 4, log: testLog, queryTimeoutMs: 30_000 });
  const template = nextName();
  await admin.query(`create database ${template} template template0`);
  const database = openDatabase(
    { connectionString: urlOf(opened.connection, template) },
    { maxConnections: 1, log: testLog },
  );
  await migrate(database, testLog);
  await database.close();
  return { opened, admin, template };
}

/** A run that was killed with SIGKILL could not clean up; the next one does. */
async function removeDirectoriesOfKilledRuns(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${DIRECTORY_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (!pid || isRunning(Number(pid))) continue;
    const path = join(tmpdir(), name);
    await clearRemains(layoutOf(path), testLog).catch(() => {});
    rmSync(path, { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Several runs may share one server. */
const nextName = () => `muster_test_${process.pid}_${(serial += 1)}`;

function urlOf(connection: PostgresConnection, database: string): string {
  if (connection.connectionString) {
    const url = new URL(connection.connectionString);
    url.pathname = `/${database}`;
    return url.href;
  }
  return `postgres://${connection.user}@localhost/${database}?host=${encodeURIComponent(connection.host ?? "")}`;
}
