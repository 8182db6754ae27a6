// A Redis server of the test's own, on a unix socket in a temporary directory: killed, frozen and started again at will.
import { rmSync, writeFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { openConnection } from "../../src/adapters/redis/connection.ts";
import type { RedisConnection } from "../../src/adapters/redis/connection.ts";
import { PATIENCE, temporaryDirectory, testLog } from "./run.ts";

export interface TestRedis {
  url: string;
  pid(): number;
  /** Waits long for an answer unless told otherwise. */
  connect(options?: { patience?: number }): Promise<RedisConnection>;
  /** Resolves when all its connections are usable: after a restart they come back one by one. */
  allReady(): Promise<void>;
  /** SIGKILL, as a crash. */
  kill(): Promise<void>;
  /** SIGSTOP: takes connections, answers nothing. */
  freeze(): void;
  thaw(): void;
  /** Again on the same files; resolves when it answers. */
  start(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const program = Bun.which("redis-server");
if (!program && process.env["REQUIRE_SERVICES"])
  throw new Error("redis-server is not installed, and REQUIRE_SERVICES is set.");
if (!program) console.warn("Skipped: tests on Redis, because redis-server is not installed.");
/** False where the tests of Redis must be skipped; said once, and an error under REQUIRE_SERVICES. */
export const hasRedis = program !== null;

/** Append-only, as in production; `settings` are lines of redis.conf. */
export async function startRedis(settings: readonly string[] = []): Promise<TestRedis> {
  const directory = temporaryDirectory("redis");
  const socket = join(directory, "redis.sock");
  const url = `unix://${socket}`;
  writeFileSync(
    join(directory, "redis.conf"),
    [
      "port 0",
      `unixsocket ${socket}`,
      `dir ${directory}`,
      "appendonly yes",
      'save ""',
      // A fork in the middle of a test that measures would be measured too.
      "auto-aof-rewrite-percentage 0",
      "daemonize no",
      ...settings,
    ].join("\n"),
  );
  let server: Bun.Subprocess | undefined;
  let frozen = false;
  const connections: RedisConnection[] = [];

  const start = async () => {
    server = Bun.spawn([program ?? "redis-server", join(directory, "redis.conf")], {
      stdout: "ignore",
      stderr: "ignore",
    });
    while (!(await answers(socket))) {
      if (server.exitCode !== null) throw new Error(`redis-server ended with ${server.exitCode}.`);
      await Bun.sleep(5);
    }
  };
  const kill = async () => {
    server?.kill("SIGKILL");
    await server?.exited;
    frozen = false;
    rmSync(socket, { force: true });
  };
  const send = (signal: "SIGSTOP" | "SIGCONT") => {
    frozen = signal === "SIGSTOP";
    server?.kill(signal);
  };

  await start();
  return {
    url,
    pid: () => server?.pid ?? 0,
    async connect({ patience = PATIENCE } = {}) {
      const connection = await openConnection({ url, db: 1, patience }, { name: "test", log: testLog });
      connections.push(connection);
      return connection;
    },
    allReady: async () => {
      await Promise.all(connections.map((one) => new Promise<void>((resolve) => one.onReady(resolve))));
    },
    kill,
    freeze: () => send("SIGSTOP"),
    thaw: () => send("SIGCONT"),
    start,
    [Symbol.asyncDispose]: async () => {
      if (frozen) send("SIGCONT");
      for (const connection of connections) await connection.close();
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A PING over a bare socket: also "LOADING" is no answer yet. */
async function answers(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const connection = await Bun.connect({
    unix: socket,
    socket: {
      open: (one) => void one.write("PING\r\n"),
      data: (_, text) => resolve(text.toString().startsWith("+PONG")),
      close: () => resolve(false),
      error: () => resolve(false),
    },
  }).catch(() => undefined);
  if (!connection) return false;
  const answer = await promise;
  connection.end();
  return answer;
}
