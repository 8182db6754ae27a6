// Opens a dedicated connection for dumps and restores: no time limits, and COPY both ways at the speed of the slower side.
import pg from "pg";
import { from, to } from "pg-copy-streams";
import { clientConfig } from "./database.ts";
import type { PostgresConnection, PostgresQueryable } from "./database.ts";
import { databaseError } from "./failures.ts";

export interface PostgresSession extends PostgresQueryable {
  /** Yields the text of `copy … to stdout` in pieces of about 64 KB, returns the number of rows. A caller that stops early cuts the connection. */
  copyOut(statement: string): AsyncGenerator<Uint8Array, number, undefined>;
  /** An error of the statement rejects the next `write` or `end`. */
  copyIn(statement: string): CopyIn;
  close(): Promise<void>;
}

export interface CopyIn {
  /** Resolves when the socket takes more. One call at a time. */
  write(chunk: Uint8Array): Promise<void>;
  /** Resolves with the number of rows that were stored. */
  end(): Promise<number>;
}

/** A dump's text means the same on every server, whatever its own settings are. */
const SETTINGS = `set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set lock_timeout = 0;
  set client_encoding = 'UTF8'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set extra_float_digits = 1;
  set bytea_output = 'hex'`;

/** An aborted `signal` cuts the connection: what runs on it rejects. */
export async function openSession(connection: PostgresConnection, signal?: AbortSignal): Promise<PostgresSession> {
  const client = new pg.Client(clientConfig(connection));
  // A connection may break between two statements; the next statement then rejects.
  client.on("error", () => {});
  const cut = () => void client.connection.stream.destroy();
  const query = async <Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    try {
      signal?.throwIfAborted();
      const result = await client.query({ text, values: [...values] });
      return Array.isArray(result) ? [] : (result.rows as Row[]);
    } catch (error) {
      throw signal?.aborted ? signal.reason : databaseError(error);
    }
  };
  await client.connect().catch((error: unknown) => Promise.reject(databaseError(error)));
  signal?.addEventListener("abort", cut, { once: true });
  await query(SETTINGS);
  return {
    query,
    copyOut: (statement) => copyOut(client, statement),
    copyIn: (statement) => copyIn(client, statement),
    async close() {
      signal?.removeEventListener("abort", cut);
      await client.end().catch(() => {});
    },
  };
}

async function* copyOut(client: pg.Client, statement: string): AsyncGenerator<Uint8Array, number, undefined> {
  const copy = client.query(to(statement));
  let failure: unknown;
  copy.on("error", (error) => (failure ??= databaseError(error)));
  let isOver = false;
  try {
    for await (const chunk of copy) yield chunk;
    isOver = true;
  } catch (error) {
    isOver = true;
    throw databaseError(error);
  } finally {
    if (!isOver) client.connection.stream.destroy();
  }
  // The server sends the number of rows after the last byte, maybe in a later packet; this query is answered after both.
  await client.query("").catch((error: unknown) => Promise.reject(databaseError(error)));
  if (failure !== undefined) throw failure;
  return copy.rowCount;
}

function copyIn(client: pg.Client, statement: string): CopyIn {
  const copy = client.query(from(statement));
  let failure: unknown;
  let settle = () => {};
  copy.on("error", (error) => {
    failure ??= databaseError(error);
    settle();
  });
  /** One at a time: a stream that failed never calls back for what it still holds. */
  const step = (begin: (done: () => void) => void) =>
    new Promise<void>((resolve, reject) => {
      settle = () => (failure === undefined ? resolve() : reject(failure));
      if (failure === undefined) begin(settle);
      else settle();
    });
  return {
    write: (chunk) => step((done) => copy.write(chunk, done)),
    async end() {
      await step((done) => copy.end(done));
      return copy.rowCount;
    },
  };
}
