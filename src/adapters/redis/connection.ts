// Opens a connection to Redis that fails fast: nothing is queued while it is away, nothing is sent twice.
import { Redis } from "ioredis";
import { reasonOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { redisError } from "./failures.ts";

export interface RedisOptions {
  /** `redis://`, `rediss://` or `unix://` followed by the socket's path. */
  url: string;
  /** Which database; one in the URL's path goes first. */
  db: number;
  password?: string | undefined;
  /** How many times longer than usual it waits for an answer: for tests on a busy machine. */
  patience?: number | undefined;
}

/** A step's reply: texts and numbers, nested as the step built them. */
export type Reply = string | number | null | Reply[];

export interface RedisConnection {
  run(step: Step, keys: string[], args: (string | number)[]): Promise<Reply>;
  command(name: string, ...args: (string | number)[]): Promise<Reply>;
  /** Calls `listener` each time the connection becomes usable, the first time included. */
  onReady(listener: () => void): void;
  isReady(): boolean;
  /** Ends a half-open socket, so that a new one is opened. */
  reconnect(): void;
  /** The client itself, for a connection that subscribes, which can do nothing else. */
  client: Redis;
  close(): Promise<void>;
}

/** A Lua script that Redis runs atomically. */
interface Step {
  text: string;
  sha: string;
}

/** How long a caller waits for an answer. */
const COMMAND_TIMEOUT_MS = 1_500;
const CONNECT_TIMEOUT_MS = 3_000;
const MAX_RECONNECT_DELAY_MS = 1_000;
/** A socket is given up as half-open after this long without a due answer. */
const SOCKET_TIMEOUT_MS = 15_000;
/** The start goes on without Redis after this long. */
const FIRST_READY_MS = 2_000;

interface OpenOptions {
  name: string;
  log: Log;
}

export function prepareStep(...texts: string[]): Step {
  const text = texts.join("\n");
  return { text, sha: new Bun.CryptoHasher("sha1").update(text).digest("hex") };
}

/** Resolves when the connection is ready, or after a limit when Redis is away; then it keeps trying to connect. */
export async function openConnection(options: RedisOptions, { name, log }: OpenOptions): Promise<RedisConnection> {
  const { patience = 1 } = options;
  const client = new Redis({
    ...placeOf(options),
    connectionName: `muster-${name}`,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: true,
    commandTimeout: COMMAND_TIMEOUT_MS * patience,
    connectTimeout: CONNECT_TIMEOUT_MS * patience,
    socketTimeout: SOCKET_TIMEOUT_MS * patience,
    keepAlive: 10_000,
    retryStrategy: (times) => Math.min(times * 50, MAX_RECONNECT_DELAY_MS),
    // A starting server answers LOADING for a moment, and is asked again.
    maxLoadingRetryTime: MAX_RECONNECT_DELAY_MS,
  });
  client.on("error", (error) => log.debug(`The Redis connection "${name}" broke.`, { reason: reasonOf(error) }));
  await firstReady(client, FIRST_READY_MS * patience);

  const send = (command: string, args: (string | number)[]): Promise<Reply> =>
    (client.call(command, ...args) as Promise<Reply>).catch((error: unknown) => Promise.reject(redisError(error)));

  return {
    client,
    command: (command, ...args) => send(command, args),
    async run({ text, sha }, keys, args) {
      try {
        return await send("EVALSHA", [sha, keys.length, ...keys, ...args]);
      } catch (error) {
        // Redis ran nothing: it was restarted, or its scripts were flushed.
        if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
        return send("EVAL", [text, keys.length, ...keys, ...args]);
      }
    },
    onReady: (listener) => {
      client.on("ready", listener);
      if (client.status === "ready") listener();
    },
    isReady: () => client.status === "ready",
    reconnect: () => client.disconnect(true),
    async close() {
      client.disconnect();
    },
  };
}

function placeOf({ url, db, password }: RedisOptions) {
  const { protocol, hostname, port, username, password: inUrl, pathname } = new URL(url);
  const login = {
    ...(username && { username: decodeURIComponent(username) }),
    ...((password || inUrl) && { password: password || decodeURIComponent(inUrl) }),
  };
  if (protocol === "unix:") return { path: decodeURIComponent(pathname), db, ...login };
  const inPath = /^\/(\d+)$/.exec(pathname)?.[1];
  return {
    host: hostname.replace(/^\[|\]$/g, "") || "127.0.0.1",
    port: Number(port || 6379),
    db: inPath === undefined ? db : Number(inPath),
    ...(protocol === "rediss:" && { tls: {} }),
    ...login,
  };
}

function firstReady(client: Redis, limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limitMs);
    client.once("ready", () => (clearTimeout(timer), resolve()));
    client.once("error", () => (clearTimeout(timer), resolve()));
  });
}
