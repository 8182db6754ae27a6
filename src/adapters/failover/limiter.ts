// Counts in this process while the shared limiter is away.
import type { Budget, Limiter } from "../../ports/limiter.ts";
import { isOutage } from "./presence.ts";
import type { Presence } from "./presence.ts";

interface FailoverLimiterDeps {
  primary: Limiter;
  fallback: Limiter;
  /** Whether the primary can be reached. */
  presence: Presence;
}

export function openFailoverLimiter({ primary, fallback, presence }: FailoverLimiterDeps): Limiter {
  const ask = async (what: "take" | "peek", key: string, budget: Budget): Promise<number> => {
    if (presence.isAway()) return fallback[what](key, budget);
    try {
      return await presence.run(() => primary[what](key, budget));
    } catch (error) {
      if (!isOutage(error)) throw error;
      return fallback[what](key, budget);
    }
  };
  return {
    take: (key, budget) => ask("take", key, budget),
    peek: (key, budget) => ask("peek", key, budget),
    async close() {
      await Promise.all([primary.close(), fallback.close()]);
    },
  };
}
