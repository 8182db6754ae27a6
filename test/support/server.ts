// Runs the PostgreSQL that a whole test run shares, or uses the one that TEST_POSTGRES_URL names, and makes copies of a template there.
import { chmodSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { carriedConnection } from "../../src/adapters/postgres/carried/carried.ts";
import { createCluster } from "../../src/adapters/postgres/carried/files/cluster.ts";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import type { PostgresConnection } from "../../src/adapters/postgres/database.ts";
import { prepareLayout } from "../../src/adapters/postgres/carried/files/layout.ts";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { readPostmaster } from "../../src/adapters/postgres/carried/remains.ts";
import { unpackServer } from "../../src/adapters/postgres/carried/files/unpack.ts";
import { IS_TEST, testLog } from "./run.ts";

export interface TestServer {
  /** Returns the new database's URL; without tables if it is to be empty. */
  create(options: { empty: boolean }): Promise<string>;
  drop(url: string): Promise<void>;
  /** Where the server stays, its databases of this run go. */
  close(): Promise<void>;
}

/** Files run side by side, some of them with several gateways. */
const MAX_CLIENTS = 500;
const PATIENCE_MS = 120_000;
const POLL_MS = 10;

export async function openTestServer(directory: string): Promise<TestServer> {
  const databaseUrl = process.env["TEST_POSTGRES_URL"];
  const server = databaseUrl ? { connectionString: databaseUrl } : await startServer(join(directory, "shared"));
  const patient = { log: testLog, queryTimeoutMs: PATIENCE_MS };
  const admin = openDatabase(server, { maxConnections: 4, ...patient });
  const prefix = databasePrefix(directory);
  let serial = 0;

  const create = async (source: string) => {
    const name = `${prefix}${(serial += 1)}`;
    await admin.query(`create database ${name} template ${source}`);
    return name;
  };
  const drop = async (name: string) => void (await admin.query(`drop database if exists ${name} with (force)`));

  const template = await create("template0");
  const connection = { connectionString: urlOf(server, template) };
  const database = openDatabase(connection, { maxConnections: 1, ...patient });
  await migrate(database, testLog);
  await database.close();
  return {
    create: async ({ empty }) => urlOf(server, await create(empty ? "template0" : template)),
    drop: (url) => drop(new URL(url).pathname.slice(1)),
    async close() {
      // The carried one is ended by whoever clears the directory: nobody will read its files again.
      if (!databaseUrl) return;
      const all = "select datname as name from pg_database where starts_with(datname, $1)";
      for (const { name } of await admin.query<{ name: string }>(all, [prefix])) await drop(name);
    },
  };
}

/** Several runs may share one server. */
export const databasePrefix = (directory: string) => `${basename(directory).replaceAll("-", "_")}_`;

/** The carried one, made as a gateway makes it; a test's has nothing to lose in a crash. */
async function startServer(dataDir: string): Promise<PostgresConnection> {
  mkdirSync(dataDir);
  chmodSync(dataDir, 0o711);
  const { layout, account } = await prepareLayout(dataDir);
  const programs = await unpackServer(layout.root);
  await createCluster(programs, layout, account);
  const settings = {
    listen_addresses: "",
    unix_socket_directories: "../run",
    max_connections: String(MAX_CLIENTS),
    shared_buffers: "64MB",
    min_wal_size: "32MB",
    max_wal_size: IS_TEST ? "128MB" : "512MB",
    jit: "off",
    fsync: IS_TEST ? "off" : "on",
    full_page_writes: IS_TEST ? "off" : "on",
    log_timezone: "UTC",
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const output = Bun.file(layout.log);
  const child = Bun.spawn([join(programs, "bin/postgres"), "-D", layout.files, ...flags], {
    ...account.spawnAs,
    cwd: "/",
    env: { LC_ALL: "C", TZ: "UTC" },
    stdio: ["ignore", output, output],
  });
  while (!readPostmaster(layout.files)?.ready) {
    if (child.exitCode !== null) throw new Error(`PostgreSQL ended with ${child.exitCode}: ${await output.text()}`);
    await Bun.sleep(POLL_MS);
  }
  return carriedConnection(dataDir);
}

function urlOf(connection: PostgresConnection, database: string): string {
  if (connection.connectionString) {
    const url = new URL(connection.connectionString);
    url.pathname = `/${database}`;
    return url.href;
  }
  return `postgres://${connection.user}@localhost/${database}?host=${encodeURIComponent(connection.host ?? "")}`;
}
