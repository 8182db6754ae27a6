// A way to the test database that can be cut: connections break and new ones are refused, as when the server is away.
import { createServer, connect } from "node:net";
import type { Server, Socket } from "node:net";
import { join } from "node:path";
import { rm } from "node:fs/promises";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import type { PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import { createTestDatabase } from "./postgres.ts";
import { PATIENCE, temporaryDirectory, testLog } from "./run.ts";

export interface SeverableDatabase {
  /** For an app of its own, through the way that can be cut. */
  url: string;
  /** Through the way that can be cut. */
  database: PostgresDatabase;
  /** Another way to the same tables, never cut. */
  direct: PostgresDatabase;
  cut(): Promise<void>;
  mend(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function createSeverableDatabase(): Promise<SeverableDatabase> {
  const fixture = await createTestDatabase();
  const target = new URL(fixture.url);
  const socketDirectory = target.searchParams.get("host");
  const reach = () =>
    socketDirectory
      ? connect(join(socketDirectory, ".s.PGSQL.5432"))
      : connect(Number(target.port || 5432), target.hostname);
  const directory = temporaryDirectory("severable");
  const path = join(directory, ".s.PGSQL.5432");
  const sockets = new Set<Socket>();
  let server: Server | undefined;

  const mend = () =>
    new Promise<void>((resolve) => {
      server = createServer((client) => {
        const upstream = reach();
        for (const [from, to] of [
          [client, upstream],
          [upstream, client],
        ] as const) {
          sockets.add(from);
          from.on("error", () => to.destroy());
          from.on("close", () => (sockets.delete(from), to.destroy()));
          from.pipe(to);
        }
      }).listen(path, resolve);
    });
  const cut = () =>
    new Promise<void>((resolve) => {
      server?.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });

  await mend();
  const user = target.username || "postgres";
  const connection = { host: directory, port: 5432, user, database: target.pathname.slice(1) };
  const database = openDatabase(connection, { maxConnections: 4, log: testLog, patience: PATIENCE });
  return {
    url: `postgres://${user}@localhost${target.pathname}?host=${encodeURIComponent(directory)}`,
    database,
    direct: fixture.database,
    cut,
    mend,
    [Symbol.asyncDispose]: async () => {
      await database.close();
      await cut();
      await rm(directory, { recursive: true, force: true });
      await fixture[Symbol.asyncDispose]();
    },
  };
}
