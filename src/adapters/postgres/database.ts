// Implements the Database port on a pool of `pg` connections: bounded waits, broken connections discarded, types said once.
import pg from "pg";
import { Failure, reasonOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Database, Queryable, QueryOptions } from "../../ports/database.ts";
import { databaseError } from "./failures.ts";

/** Address of a server: the options that `pg` needs, and no others. */
export type PostgresConnection = Pick<pg.PoolConfig, "connectionString" | "host" | "port" | "user" | "database">;

interface PostgresQueryOptions extends QueryOptions {
  /** Replaces the database's own limit for this statement. */
  timeoutMs?: number;
}

export interface PostgresQueryable extends Queryable {
  query<Row>(text: string, values?: readonly unknown[], options?: PostgresQueryOptions): Promise<Row[]>;
}

export interface PostgresDatabase extends Database {
  query: PostgresQueryable["query"];
  transaction<Result>(work: (tx: PostgresQueryable) => Promise<Result>): Promise<Result>;
  patient(ms?: number): PostgresDatabase;
  /** Numbers of open connections, of idle ones among them, and of callers that wait for one. */
  counts(): { total: number; idle: number; waiting: number };
}

interface DatabaseOptions {
  maxConnections: number;
  log: Log;
  /** How long a caller waits for a statement. A working server ends the statement a little sooner; a frozen one never answers. */
  queryTimeoutMs?: number;
  /** How many times longer than usual it waits for an answer, where `queryTimeoutMs` says nothing, and for a connection: for tests on a busy machine. */
  patience?: number | undefined;
}

const QUERY_TIMEOUT_MS = 5_000;
const PATIENT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 3_000;
/** Share of the caller's limit after which the server ends the statement: none runs on for a caller that has given up. */
const SERVER_SHARE = 0.8;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;
const IDLE_CONNECTION_MS = 60_000;
/** Statements that still run after this are cut off. */
const CLOSE_MS = 5_000;

export function openDatabase(connection: PostgresConnection, options: DatabaseOptions): PostgresDatabase {
  const { log, patience = 1, queryTimeoutMs = QUERY_TIMEOUT_MS * patience } = options;
  const pool = new pg.Pool({
    ...clientConfig(connection),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS * patience,
    max: options.maxConnections,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    query_timeout: queryTimeoutMs,
    statement_timeout: serverLimit(queryTimeoutMs),
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
  });
  pool.on("error", (error) => log.debug("An idle database connection broke.", { reason: reasonOf(error) }));
  const lent = new Set<pg.PoolClient>();
  pool.on("acquire", (client) => lent.add(client));
  pool.on("release", (_error, client) => lent.delete(client));
  let closing: Promise<void> | undefined;
  const close = async () => {
    const cut = setTimeout(() => lent.forEach((client) => client.connection.stream.destroy()), CLOSE_MS);
    await pool.end().finally(() => clearTimeout(cut));
  };

  const viewed = (timeoutMs: number | undefined): PostgresDatabase => ({
    query(text, values, queryOptions) {
      const limitMs = queryOptions?.timeoutMs ?? timeoutMs;
      if (limitMs === undefined) return runOn(pool, text, values, queryOptions);
      const limits = { limitMs, usualMs: queryTimeoutMs, set: "set" } as const;
      return withClient(
        pool,
        (client) => limited(client, limits, text, values, queryOptions),
        (client) => runOn(client, `set statement_timeout = ${serverLimit(queryTimeoutMs)}`),
      );
    },
    transaction: (work) => transaction(pool, { limitMs: timeoutMs ?? queryTimeoutMs, usualMs: queryTimeoutMs }, work),
    patient: (ms = PATIENT_MS) => viewed(ms),
    counts: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => (closing ??= close()),
  });
  return viewed(undefined);
}

const serverLimit = (patienceMs: number) => Math.min(2 ** 31 - 1, Math.ceil(patienceMs * SERVER_SHARE));

/**
 * Overrides what `pg` takes from PGPORT, PGSSLMODE and similar variables. They may be meant for another server: they complete a
 * DATABASE_URL, but never apply to the carried server.
 */
const CARRIED = {
  port: 5432,
  ssl: false,
  sslnegotiation: "postgres",
  client_encoding: "UTF8",
  replication: "false",
} as const;

/** Options of every connection, pooled or not. */
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
 * Reads int8 as a number up to 2^53 and as decimal text beyond; timestamptz as a Date; json and jsonb parsed; numeric as
 * text, which is `pg`'s own default.
 */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: "text" | "binary") =>
  oid === pg.types.builtins.INT8 && format !== "binary" ? parseInt8 : pg.types.getTypeParser(oid, format);

function parseInt8(text: string): number | string {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
}

async function runOn<Row>(
  target: pg.Pool | pg.PoolClient,
  text: string,
  values: readonly unknown[] = [],
  { name, timeoutMs }: PostgresQueryOptions = {},
): Promise<Row[]> {
  try {
    const config = { text, values: [...values], ...(name && { name }), ...(timeoutMs && { query_timeout: timeoutMs }) };
    const result = await target.query(config);
    // Several statements in one text give an array of results; no caller needs their rows.
    return Array.isArray(result) ? [] : (result.rows as Row[]);
  } catch (error) {
    throw databaseError(error);
  }
}

/** Runs one statement with its own limit, on the server as here; then resets the connection to its usual one. */
async function limited<Row>(
  client: pg.PoolClient,
  { limitMs, usualMs, set }: { limitMs: number; usualMs: number; set: "set" | "set local" },
  text: string,
  values: readonly unknown[] | undefined,
  options: PostgresQueryOptions | undefined,
): Promise<Row[]> {
  await runOn(client, `${set} statement_timeout = ${serverLimit(limitMs)}`, [], {
    timeoutMs: Math.min(limitMs, usualMs),
  });
  const rows = await runOn<Row>(client, text, values, { ...options, timeoutMs: limitMs });
  await runOn(client, `${set} statement_timeout = ${serverLimit(usualMs)}`);
  return rows;
}

function transaction<Result>(
  pool: pg.Pool,
  { limitMs, usualMs }: { limitMs: number; usualMs: number },
  work: (tx: PostgresQueryable) => Promise<Result>,
): Promise<Result> {
  const begin = limitMs === usualMs ? "begin" : `begin; set local statement_timeout = ${serverLimit(limitMs)}`;
  const run = async (client: pg.PoolClient) => {
    const query: PostgresQueryable["query"] = (text, values, options) => {
      const { timeoutMs = limitMs } = options ?? {};
      const limits = { limitMs: timeoutMs, usualMs: limitMs, set: "set local" } as const;
      return timeoutMs === limitMs
        ? runOn(client, text, values, { ...options, timeoutMs })
        : limited(client, limits, text, values, options);
    };
    await runOn(client, begin);
    const result = await work({ query });
    await commit(client, limitMs);
    return result;
  };
  return withClient(pool, run, (client) => runOn(client, "rollback"));
}

/** When the work fails on a sound connection, `mend` resets it for the next caller; when that fails too, the connection is discarded. */
async function withClient<Result>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<Result>,
  mend: (client: pg.PoolClient) => Promise<unknown>,
): Promise<Result> {
  const client = await pool.connect().catch((error: unknown) => Promise.reject(databaseError(error)));
  // A connection may break between two statements; the next statement then says so.
  const ignore = () => {};
  client.on("error", ignore);
  let broken = true;
  try {
    const result = await work(client);
    broken = false;
    return result;
  } catch (error) {
    if (!(error instanceof Failure && error.code === "database.unavailable")) {
      broken = await mend(client).then(
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

/** PostgreSQL answers `commit` with ROLLBACK instead of an error when a statement had failed and its error was swallowed. */
async function commit(client: pg.PoolClient, limitMs: number): Promise<void> {
  // The types of `pg` lack a statement's own limit.
  const statement = { text: "commit", query_timeout: limitMs };
  const { command } = await client.query(statement).catch((error: unknown) => Promise.reject(databaseError(error)));
  if (command === "ROLLBACK") throw new Error("The transaction was rolled back because a statement in it had failed.");
}
