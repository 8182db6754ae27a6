// Opens a dedicated connection for dumps and restores: no time limits, and COPY both ways at the speed of the slower side.
import pg from "pg";
import { clientConfig } from "./database.ts";
import type { PostgresConnection, PostgresQueryable } from "./database.ts";
import { databaseError } from "./failures.ts";

export interface PostgresSession extends PostgresQueryable {
  /** The text of `copy … to stdout` in pieces of about 64 KB; at its end the rows. Given up half-way, it takes the connection along. */
  copyOut(statement: string): AsyncGenerator<Uint8Array, number, undefined>;
  copyIn(statement: string): Promise<CopyIn>;
  close(): Promise<void>;
}

export interface CopyIn {
  /** Resolves when more may come. */
  write(chunk: Uint8Array): Promise<void>;
  /** Resolves with the rows that were stored. */
  end(): Promise<number>;
}

/** What the server sent ahead of the reader. */
const HELD_BYTES = 64 * 1024;
/** Whoever made the dump, its text means the same. */
const SETTINGS = `set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set lock_timeout = 0;
  set client_encoding = 'UTF8'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set extra_float_digits = 1;
  set bytea_output = 'hex'`;

/** An aborted `signal` cuts the connection, and with it whatever waits for it. */
export async function openSession(connection: PostgresConnection, signal?: AbortSignal): Promise<PostgresSession> {
  const client = new pg.Client(clientConfig(connection));
  // It may break between two statements; the next one then says so.
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
  const { stream } = client.connection;
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let rows = 0;
  let ended = false;
  let failure: unknown;
  let wake = () => {};
  client.query(
    exchange(statement, {
      received(chunk) {
        // The client reads the next bytes into the same memory.
        held.push(Buffer.from(chunk));
        heldBytes += chunk.byteLength;
        if (heldBytes < HELD_BYTES) return;
        stream.pause();
        wake();
      },
      ended(error, count) {
        failure = error;
        rows = count;
        ended = true;
        wake();
      },
    }),
  );
  try {
    while (!ended || held.length > 0) {
      if (heldBytes < HELD_BYTES && !ended) await new Promise<void>((resolve) => (wake = resolve));
      if (failure !== undefined) throw databaseError(failure);
      const chunk = Buffer.concat(held);
      held = [];
      heldBytes = 0;
      stream.resume();
      if (chunk.byteLength > 0) yield chunk;
    }
    return rows;
  } finally {
    if (!ended) stream.destroy();
  }
}

async function copyIn(client: pg.Client, statement: string): Promise<CopyIn> {
  const connection = client.connection as CopyConnection;
  const started = Promise.withResolvers<void>();
  const done = Promise.withResolvers<number>();
  let failure: unknown;
  let wake = () => {};
  // Awaited at the end; until then a rejection is not unhandled.
  done.promise.catch(() => {});
  client.query(
    exchange(statement, {
      started: started.resolve,
      ended(error, rows) {
        failure = error;
        if (error === undefined) done.resolve(rows);
        else done.reject(databaseError(error));
        started.resolve();
        wake();
      },
    }),
  );
  await started.promise;
  if (failure !== undefined) throw databaseError(failure);
  return {
    async write(chunk) {
      if (failure !== undefined) throw databaseError(failure);
      connection.sendCopyFromChunk(chunk);
      if (!connection.stream.writableNeedDrain) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        connection.stream.once("drain", resolve);
      });
    },
    end() {
      if (failure === undefined) connection.endCopyFrom();
      return done.promise;
    },
  };
}

/** As `pg` has it; its types leave these out. */
type CopyConnection = pg.Connection & { sendCopyFromChunk(chunk: Uint8Array): void; endCopyFrom(): void };

interface Exchange {
  started?(): void;
  received?(chunk: Uint8Array): void;
  ended(error: unknown, rows: number): void;
}

/** What `pg` calls while a statement runs that it has no words of its own for. */
function exchange(statement: string, { started, received, ended }: Exchange): pg.Submittable {
  let rows = 0;
  const nothing = () => {};
  const listener = {
    submit: (connection: pg.Connection) => connection.query(statement),
    handleRowDescription: nothing,
    handleDataRow: nothing,
    handleEmptyQuery: nothing,
    handlePortalSuspended: nothing,
    handleCopyInResponse: () => started?.(),
    handleCopyData: (message: { chunk: Uint8Array }) => received?.(message.chunk),
    handleCommandComplete: ({ text }: { text: string }) => void (rows = Number(/^COPY (\d+)$/.exec(text)?.[1] ?? 0)),
    // The client forgets the statement here: the server's readiness is not told to it any more.
    handleError: (error: unknown) => ended(error, 0),
    handleReadyForQuery: () => ended(undefined, rows),
  };
  return listener;
}
