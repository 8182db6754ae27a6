// Since when Muster itself has been listening. Silence of an appliance means nothing while nobody could hear it.
import type { Clock } from "../../ports/clock.ts";
import type { Queryable } from "../../ports/database.ts";
import { findOthersWatch, findWatch, forgetDeadWatches, leaveWatch, renewWatch } from "./store.ts";

export interface Watch {
  start(): Promise<void>;
  /** Since when appliances have been heard without a gap; undefined while nobody is sure to listen. */
  since(): Promise<Date | undefined>;
  stop(): Promise<void>;
}

export interface WatchDeps {
  database: Queryable;
  clock: Clock;
  gatewayId: string;
  /** True when no other gateway can be using this database: rows found at the start are of the dead. */
  exclusive: boolean;
  /** False for a process that only judges: it looks at the watch of those that listen. */
  listens: boolean;
}

const RENEW_MS = 2_000;
/** Three renewals missed: a gateway not seen for this long is not listening. */
const ALIVE_MS = 6_000;
const DEAD_MS = 3_600_000;

/**
 * Every gateway says every 2 s since when it listens. A renewal that failed or came late (database away, process frozen) is a
 * gap: beats were refused meanwhile, so the gateway's watch begins anew.
 */
export function openWatch({ database, clock, gatewayId, exclusive, listens }: WatchDeps): Watch {
  let listeningSince = clock.now();
  let renewedAt = listeningSince;
  let hasGap = false;
  let running: Promise<void> | undefined;
  const stopped = new AbortController();

  const renew = async () => {
    const now = clock.now();
    if (hasGap || now.getTime() - renewedAt.getTime() > ALIVE_MS) listeningSince = now;
    try {
      await renewWatch(database, gatewayId, listeningSince, now);
      // Whoever else listens may leave: what it heard so far goes on with this one.
      listeningSince = (await findWatch(database, listeningSince)) ?? listeningSince;
      hasGap = false;
      renewedAt = now;
    } catch {
      // The database being away is said by the database's own check; here it only means that beats were refused.
      hasGap = true;
    }
  };

  return {
    async start() {
      if (exclusive) await leaveWatch(database, null);
      else await forgetDeadWatches(database, new Date(clock.now().getTime() - DEAD_MS));
      if (!listens) return;
      listeningSince = renewedAt = clock.now();
      await renew();
      running = (async () => {
        while (!stopped.signal.aborted) {
          await clock.sleep(RENEW_MS, stopped.signal);
          if (!stopped.signal.aborted) await renew();
        }
      })();
    },
    async since() {
      if (!listens) return findOthersWatch(database, new Date(clock.now().getTime() - ALIVE_MS));
      const isFresh = clock.now().getTime() - renewedAt.getTime() <= ALIVE_MS;
      return hasGap || !isFresh ? undefined : findWatch(database, listeningSince);
    },
    async stop() {
      stopped.abort();
      await running;
      if (listens) await leaveWatch(database, gatewayId).catch(() => {});
    },
  };
}
