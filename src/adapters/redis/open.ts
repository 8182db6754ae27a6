// Redis as the app uses it: one connection for what requests wait for, one for workers, one that listens; and whether it is fit.
import { reasonOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Clock } from "../../ports/clock.ts";
import { openConnection } from "./connection.ts";
import type { RedisConnection, RedisOptions } from "./connection.ts";
import { examineRedis } from "./health.ts";
import type { RedisHealth } from "./health.ts";

export interface OpenedRedis {
  ingest: RedisConnection;
  work: RedisConnection;
  subscriber: RedisConnection;
  /** Rejects with a Failure while Redis does not answer. */
  ping(): Promise<void>;
  examine(): Promise<RedisHealth>;
  /** Where it is, without secrets. */
  describe: string;
  close(): Promise<void>;
}

const EXAMINE_MS = 60_000;
/** Unanswered pings in a row after which the socket is replaced. */
const SUSPICIOUS_PINGS = 3;

interface OpenRedisOptions extends RedisOptions {
  clock: Clock;
  log: Log;
}

export async function openRedis({ clock, log, ...place }: OpenRedisOptions): Promise<OpenedRedis> {
  const [ingest, work, subscriber] = await Promise.all(
    ["ingest", "work", "signals"].map((name) => openConnection(place, { name, log })),
  );
  if (!ingest || !work || !subscriber) throw new Error("A Redis connection is missing.");
  let unanswered = 0;
  let said = "";
  let closed = false;
  let cancel = () => {};

  const ping = async () => {
    try {
      await Promise.all([ingest.command("PING"), work.command("PING")]);
      unanswered = 0;
    } catch (error) {
      unanswered += 1;
      if (unanswered % SUSPICIOUS_PINGS === 0) for (const one of [ingest, work]) if (one.isReady()) one.reconnect();
      throw error;
    }
  };

  /** The last warning logged; it is logged again only when it changes. */
  const watch = async () => {
    try {
      const { dangers } = await examineRedis(work);
      const text = dangers.join(" ");
      if (text !== said && text !== "") log.warn(`REDIS IS NOT SAFE FOR QUEUES. ${text}`);
      if (text !== said && text === "") log.info("Redis is safe for queues again.");
      said = text;
    } catch (error) {
      log.debug("Redis could not be examined.", { reason: reasonOf(error) });
    }
    if (!closed) cancel = clock.after(EXAMINE_MS, () => void watch());
  };
  await watch();

  return {
    ingest,
    work,
    subscriber,
    ping,
    examine: () => examineRedis(work),
    describe: describePlace(place),
    async close() {
      closed = true;
      cancel();
      await Promise.all([ingest, work, subscriber].map((one) => one.close()));
    },
  };
}

function describePlace({ url, db }: RedisOptions): string {
  const { protocol, host, pathname } = new URL(url);
  return protocol === "unix:"
    ? `Redis at ${pathname}, database ${db}`
    : `Redis at ${host}${pathname.length > 1 ? pathname : `, database ${db}`}`;
}
