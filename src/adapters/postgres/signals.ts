// Implements the Signals port on LISTEN/NOTIFY, over a dedicated connection that reconnects by itself.
import pg from "pg";
import { reasonOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Signals } from "../../ports/signals.ts";
import { clientConfig } from "./database.ts";
import type { PostgresConnection } from "./database.ts";
import { databaseError } from "./failures.ts";

interface SignalsOptions {
  connection: PostgresConnection;
  /** Publishes messages; only listening needs a connection of its own. */
  database: Queryable;
  clock: Clock;
  log: Log;
}

type Listener = (message: string) => void;

/** PostgreSQL's limits, in bytes. */
const MAX_MESSAGE_BYTES = 7_999;
const MAX_CHANNEL_BYTES = 63;
const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 2_000;
/** A query this often finds a connection that broke silently. */
const PING_MS = 30_000;
const PING_TIMEOUT_MS = 5_000;

/** Resolves once it listens; rejects when the server cannot be reached now. */
export async function openSignals(options: SignalsOptions): Promise<Signals> {
  const signals = new PostgresSignals(options);
  await signals.connect();
  return signals;
}

class PostgresSignals implements Signals {
  readonly #options: SignalsOptions;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #gapListeners = new Set<() => void>();
  readonly #closing = new AbortController();
  #client: pg.Client | undefined;
  #reconnecting: Promise<void> | undefined;
  #cancelPing = () => {};

  constructor(options: SignalsOptions) {
    this.#options = options;
  }

  async connect(): Promise<void> {
    const client = new pg.Client({ ...clientConfig(this.#options.connection), query_timeout: PING_TIMEOUT_MS });
    client.on("error", () => this.#lost(client));
    client.on("end", () => this.#lost(client));
    client.on("notification", ({ channel, payload = "" }) => this.#deliver(channel, payload));
    try {
      await client.connect();
      await this.#listenToAll(client);
    } catch (error) {
      destroy(client);
      throw databaseError(error);
    }
    if (this.#closing.signal.aborted) return destroy(client);
    this.#client = client;
    this.#pingLater(client);
  }

  /** Listens to every channel, also to those subscribed meanwhile. */
  async #listenToAll(client: pg.Client): Promise<void> {
    const listening = new Set<string>();
    for (const channel of this.#listeners.keys()) {
      // A Map's iterator also visits entries that are added while it runs.
      if (!listening.has(channel)) await client.query(`listen ${quoted(channel)}`);
      listening.add(channel);
    }
  }

  async publish(channel: string, message: string): Promise<void> {
    refuseTooLong("channel", channel, MAX_CHANNEL_BYTES);
    refuseTooLong("message", message, MAX_MESSAGE_BYTES);
    await this.#options.database.query("select pg_notify($1, $2)", [channel, message], { name: "signals_publish" });
  }

  async subscribe(channel: string, listener: Listener): Promise<() => void> {
    refuseTooLong("channel", channel, MAX_CHANNEL_BYTES);
    const entry: Listener = (message) => listener(message);
    const existing = this.#listeners.get(channel);
    if (existing) existing.add(entry);
    else this.#listeners.set(channel, new Set([entry]));
    await this.#tell(`listen ${quoted(channel)}`);
    return () => {
      const all = this.#listeners.get(channel);
      if (!all?.delete(entry) || all.size > 0) return;
      this.#listeners.delete(channel);
      void this.#tell(`unlisten ${quoted(channel)}`);
    };
  }

  onGap(listener: () => void): void {
    this.#gapListeners.add(listener);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancelPing();
    const client = this.#client;
    this.#client = undefined;
    if (client) destroy(client);
    await this.#reconnecting;
  }

  /** Does nothing while disconnected: the reconnection listens to all channels subscribed by then. */
  async #tell(statement: string): Promise<void> {
    const client = this.#client;
    await client?.query(statement).catch(() => this.#lost(client));
  }

  #deliver(channel: string, message: string): void {
    for (const listener of this.#listeners.get(channel) ?? []) {
      try {
        listener(message);
      } catch (error) {
        this.#options.log.error("A listener of a signal failed.", { channel, reason: reasonOf(error) });
      }
    }
  }

  #lost(client: pg.Client): void {
    if (client !== this.#client) return;
    this.#client = undefined;
    this.#cancelPing();
    destroy(client);
    this.#reconnecting = this.#reconnect();
  }

  async #reconnect(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    let backoffMs = FIRST_BACKOFF_MS;
    while (!signal.aborted) {
      try {
        await this.connect();
        break;
      } catch (error) {
        log.debug("The connection for signals is not back yet.", { reason: reasonOf(error) });
      }
      await clock.sleep(backoffMs, signal);
      backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
    }
    if (signal.aborted) return;
    log.info("The connection for signals is back; messages may have been missed.");
    for (const listener of this.#gapListeners) listener();
  }

  #pingLater(client: pg.Client): void {
    this.#cancelPing = this.#options.clock.after(PING_MS, () => {
      client.query("select 1").then(
        () => client === this.#client && this.#pingLater(client),
        () => this.#lost(client),
      );
    });
  }
}

const quoted = (channel: string) => pg.escapeIdentifier(channel);

function refuseTooLong(what: string, text: string, maxBytes: number): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes && (what === "message" || bytes > 0)) return;
  throw new RangeError(`A signal's ${what} must have at most ${maxBytes} bytes, got ${bytes}.`);
}

/** Ends the connection in any state, without waiting for a frozen server. */
function destroy(client: pg.Client): void {
  client.removeAllListeners();
  client.on("error", () => {});
  client.end().catch(() => {});
  client.connection.stream.destroy();
}
