// Implements the Signals port on Redis pub/sub, over a dedicated connection; channels of other programs can be bridged in.
import { reasonOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Signals } from "../../ports/signals.ts";
import type { RedisConnection } from "./connection.ts";

/** Delivers messages of another program's channel to this process as messages of the channel `to`. */
export interface Bridge {
  channel: string;
  to: string;
  /** Returns the message to deliver, or undefined to drop it. */
  read(message: string): string | undefined;
}

interface RedisSignalsDeps {
  /** A connection that subscribes can do nothing else. Neither is closed with the signals. */
  subscriber: RedisConnection;
  publisher: RedisConnection;
  clock: Clock;
  log: Log;
  bridges?: readonly Bridge[];
}

type Listener = (message: string) => void;

const PREFIX = "muster:signals:";
/** A ping this often finds a connection that broke silently. */
const PING_MS = 10_000;

/** Works at once, or as soon as Redis is reachable. */
export function openRedisSignals({ subscriber, publisher, clock, log, bridges = [] }: RedisSignalsDeps): Signals {
  const listeners = new Map<string, Set<Listener>>();
  const gapListeners = new Set<() => void>();
  const { client } = subscriber;
  let closed = false;
  let cancelPing = () => {};

  const deliver = (channel: string, message: string) => {
    for (const listener of listeners.get(channel) ?? []) {
      try {
        listener(message);
      } catch (error) {
        log.error("A listener of a signal failed.", { channel, reason: reasonOf(error) });
      }
    }
  };

  const onMessage = (channel: string, message: string) => {
    if (channel.startsWith(PREFIX)) deliver(channel.slice(PREFIX.length), message);
    for (const bridge of bridges) {
      const translated = bridge.channel === channel ? bridge.read(message) : undefined;
      if (translated !== undefined) deliver(bridge.to, translated);
    }
  };

  const channels = () => [
    ...[...listeners.keys()].map((channel) => PREFIX + channel),
    ...bridges.map((one) => one.channel),
  ];

  /** Runs at each connection: subscribers have missed earlier messages. */
  const listenAgain = async () => {
    const missing = channels();
    if (closed || missing.length === 0) return;
    try {
      await client.subscribe(...missing);
    } catch (error) {
      // The connection broke again: the next "ready" tries again.
      log.debug("Signals could not be subscribed.", { reason: reasonOf(error) });
      return;
    }
    for (const listener of gapListeners) listener();
  };

  const pingLater = () => {
    cancelPing = clock.after(PING_MS, () => {
      const alive = subscriber.isReady()
        ? subscriber.command("PING").then(
            () => undefined,
            () => subscriber.reconnect(),
          )
        : undefined;
      void Promise.resolve(alive).then(() => {
        if (!closed) pingLater();
      });
    });
  };

  client.on("message", onMessage);
  subscriber.onReady(() => void listenAgain());
  pingLater();

  return {
    async publish(channel, message) {
      await publisher.command("PUBLISH", PREFIX + channel, message);
    },
    async subscribe(channel, listener) {
      const entry: Listener = (message) => listener(message);
      const existing = listeners.get(channel);
      if (existing) existing.add(entry);
      else listeners.set(channel, new Set([entry]));
      // Does nothing while disconnected: the reconnection subscribes to all channels wanted by then.
      if (subscriber.isReady()) await client.subscribe(PREFIX + channel).catch(() => {});
      return () => {
        const all = listeners.get(channel);
        if (!all?.delete(entry) || all.size > 0) return;
        listeners.delete(channel);
        if (subscriber.isReady()) client.unsubscribe(PREFIX + channel).catch(() => {});
      };
    },
    onGap(listener) {
      gapListeners.add(listener);
    },
    async close() {
      closed = true;
      cancelPing();
      client.off("message", onMessage);
    },
  };
}
