// Gives each test a database of its own, which the run's keeper makes on the PostgreSQL that it holds.
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import type { PostgresConnection, PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import { askKeeper } from "./keeping.ts";
import { PATIENCE, testLog } from "./run.ts";

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

// Awaited while the file is loaded, where no test's time runs yet.
await askKeeper("ready");

/** A database of its own, migrated, in about 25 ms; dropped at the end of `await using`. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const url = await askKeeper(options.empty ? "create-empty" : "create");
  const connection = { connectionString: url };
  const database = openDatabase(connection, {
    maxConnections: options.maxConnections ?? 10,
    log: testLog,
    patience: PATIENCE,
  });
  return {
    url,
    connection,
    database,
    [Symbol.asyncDispose]: async () => {
      await database.close();
      await askKeeper("drop", url);
    },
  };
}
