// Gives a test file a PostgreSQL of its own, where what other files' transactions do would be seen; the run's keeper ends it.
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import type { TestDatabase } from "./postgres.ts";
import { PATIENCE, temporaryDirectory, testLog } from "./run.ts";
import { openTestServer } from "./server.ts";

/** Makes databases of that server. */
export async function openServerApart(): Promise<() => Promise<TestDatabase>> {
  // The names of its databases begin with the directory's, in small letters.
  const directory = join(temporaryDirectory("apart"), "apart");
  mkdirSync(directory);
  chmodSync(directory, 0o711);
  const server = await openTestServer(directory);
  return async () => {
    const url = await server.create({ empty: false });
    const connection = { connectionString: url };
    const database = openDatabase(connection, { maxConnections: 10, log: testLog, patience: PATIENCE });
    const dispose = async () => {
      await database.close();
      await server.drop(url);
    };
    return { url, connection, database, [Symbol.asyncDispose]: dispose };
  };
}
