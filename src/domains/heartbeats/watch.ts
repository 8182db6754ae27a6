// Tracks since when gateways have listened without a gap: an appliance is not silent while no gateway could hear it.
import type { Clock } from "../../ports/clock.ts";
import type { Queryable } from "../../ports/database.ts";
import { findOthersWatch, findWatch, forgetDeadWatches, leaveWatch, renewWatch } from "./store.ts";

interface Watch {
  start(): Promise<void>;
  /** Since when gateways have listened without a gap; undefined while it is uncertain that one listens. */
  since(): Promise<Date | undefined>;
  stop(): Promise<void>;
}

interface WatchDeps {
  database: Queryable;
  clock: Clock;
  gatewayId: string;
  /** True when no other gateway can be using this database: rows found at the start are of dead gateways. */
  exclusive: boolean;
  /** False for a process without a listener: it relies on the gateways that listen. */
  listens: boolean;
}

const RENEW_MS = 2_000;
/** Three renewals: a gateway that was not seen for this long is not listening. */
const ALIVE_MS = 6_000;
const DEAD_MS = 3_600_000;

/**
 * Every gateway records every 2 s since when it listens. A renewal that failed or came late (database away, process frozen) is a
 * gap: heartbeats were refused meanwhile, so the gateway counts from after the gap.
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
      // Another gateway may leave later: this one continues its time.
      listeningSince = (await findWatch(database, listeningSince)) ?? listeningSince;
      hasGap = false;
      renewedAt = now;
    } catch {
      // The database's own check reports the outage; here it only means that heartbeats were refused.
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
