// Gives each test a database of its own, which the run's keeper makes on the PostgreSQL that it holds.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../src/adapters/postgres/database.ts";
import type { PostgresConnection, PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import { runDirectory, socketOf, testLog } from "./run.ts";

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

/** On a machine with much else to do, starting the server takes long. */
const START_MS = 180_000;
const POLL_MS = 5;

const directory = runDirectory();
const unix = socketOf(directory);
// Awaited while the file is loaded, where no test's time runs yet.
await keeperIsReady();

/** A database of its own, migrated, in about 25 ms; dropped at the end of `await using`. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const url = await askKeeper(options.empty ? "create-empty" : "create");
  const connection = { connectionString: url };
  const database = openDatabase(connection, { maxConnections: options.maxConnections ?? 10, log: testLog });
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

async function keeperIsReady(): Promise<void> {
  const endMs = performance.now() + START_MS;
  const answers = () => fetch("http://keeper/", { unix }).then(Boolean, () => false);
  while (!(await answers())) {
    if (performance.now() > endMs) throw new Error(`The keeper of this run does not answer: ${keeperLog()}`);
    await Bun.sleep(POLL_MS);
  }
  await askKeeper("ready");
}

async function askKeeper(what: string, body = ""): Promise<string> {
  const signal = AbortSignal.timeout(START_MS);
  const response = await fetch(`http://keeper/${what}`, { method: "POST", unix, signal, body });
  const text = await response.text();
  if (!response.ok) throw new Error(`The keeper of this run failed: ${text}\n${keeperLog()}`);
  return text;
}

const keeperLog = () => readFileSync(join(directory, "keeper.log"), "utf8");
