// The Database port on a pool of `pg` connections: bounded waits, broken connections thrown away, types said once.
import pg from "pg";
import { Failure, reasonOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Database, Queryable, QueryOptions } from "../../ports/database.ts";
import { databaseError } from "./failures.ts";

/** Where a server is: what `pg` needs and nothing else. */
export type PostgresConnection = Pick<pg.PoolConfig, "connectionString" | "host" | "port" | "user" | "database">;

export interface PostgresQueryOptions extends QueryOptions {
  /** Replaces the database's own limit for this statement. */
  timeoutMs?: number;
}

export interface PostgresQueryable extends Queryable {
  query<Row>(text: string, values?: readonly unknown[], options?: PostgresQueryOptions): Promise<Row[]>;
}

export interface PostgresDatabase extends Database {
  query: PostgresQueryable["query"];
  transaction<Result>(work: (tx: PostgresQueryable) => Promise<Result>): Promise<Result>;
  /** Connections open, idle among them, and callers that wait for one. */
  counts(): { total: number; idle: number; waiting: number };
}

export interface DatabaseOptions {
  maxConnections: number;
  log: Log;
  /** A frozen server answers nothing at all; this is how long a caller waits for it. */
  queryTimeoutMs?: number;
}

const QUERY_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 3_000;
/** A statement whose caller has gone is ended by the server; far above the caller's own limit. */
const STATEMENT_TIMEOUT_MS = 30_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;
const IDLE_CONNECTION_MS = 60_000;

export function openDatabase(connection: PostgresConnection, options: DatabaseOptions): PostgresDatabase {
  const { log, queryTimeoutMs = QUERY_TIMEOUT_MS } = options;
  const pool = new pg.Pool({
    ...clientConfig(connection),
    max: options.maxConnections,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    query_timeout: queryTimeoutMs,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
  });
  pool.on("error", (error) => log.debug("An idle database connection broke.", { reason: reasonOf(error) }));
  let closing: Promise<void> | undefined;

  return {
    query: (text, values, queryOptions) => run(pool, text, values, queryOptions),
    transaction: (work) => transaction(pool, work),
    counts: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => (closing ??= pool.end()),
  };
}

/**
 * What `pg` would otherwise take from PGPORT, PGSSLMODE and their like. Those may speak of another server: they complete a
 * DATABASE_URL, and say nothing about the carried one.
 */
const CARRIED = {
  port: 5432,
  ssl: false,
  sslnegotiation: "postgres",
  client_encoding: "UTF8",
  replication: "false",
} as const;

/** What every connection has in common, pooled or not. */
export function clientConfig(connection: PostgresConnection): pg.ClientConfig {
  return {
    ...(connection.connectionString === undefined && CARRIED),
    ...connection,
    application_name: "muster",
    options: "-c TimeZone=UTC",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    types: { getTypeParser },
  };
}

/**
 * int8 is a number while it is exact and its decimal text beyond 2^53; timestamptz a Date; json and jsonb parsed;
 * numeric stays text, as `pg` has it.
 */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: "text" | "binary") =>
  oid === pg.types.builtins.INT8 && format !== "binary" ? parseInt8 : pg.types.getTypeParser(oid, format);

function parseInt8(text: string): number | string {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
}

async function run<Row>(
  target: pg.Pool | pg.PoolClient,
  text: string,
  values: readonly unknown[] = [],
  { name, timeoutMs }: PostgresQueryOptions = {},
): Promise<Row[]> {
  try {
    const config = { text, values: [...values], ...(name && { name }), ...(timeoutMs && { query_timeout: timeoutMs }) };
    const result = await target.query(config);
    // Several statements in one text give an array of results; their rows are of no use to anybody.
    return Array.isArray(result) ? [] : (result.rows as Row[]);
  } catch (error) {
    throw databaseError(error);
  }
}

async function transaction<Result>(pool: pg.Pool, work: (tx: PostgresQueryable) => Promise<Result>): Promise<Result> {
  const client = await pool.connect().catch((error: unknown) => Promise.reject(databaseError(error)));
  // A connection may break between two statements; the next statement then says so.
  const ignore = () => {};
  client.on("error", ignore);
  let broken = true;
  try {
    await run(client, "begin");
    const result = await work({ query: (text, values, options) => run(client, text, values, options) });
    await commit(client);
    broken = false;
    return result;
  } catch (error) {
    if (!(error instanceof Failure && error.code === "database.unavailable")) {
      broken = await run(client, "rollback").then(
        () => false,
        () => true,
      );
    }
    throw error;
  } finally {
    client.off("error", ignore);
    client.release(broken);
  }
}

/** PostgreSQL answers `commit` with ROLLBACK, and no error, when a statement had failed and its error was swallowed. */
async function commit(client: pg.PoolClient): Promise<void> {
  const { command } = await client.query("commit").catch((error: unknown) => Promise.reject(databaseError(error)));
  if (command === "ROLLBACK") throw new Error("The transaction was rolled back because a statement in it had failed.");
}
