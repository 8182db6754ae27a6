// Limits how many alerts, and how many changes of silences, one system may post in a minute.
import { requireBudget } from "../../../http/edge/throttle.ts";
import type { Limiter } from "../../../ports/limiter.ts";

interface Budget {
  /** A Failure 429 for a system that posts too often. */
  take(kind: "alerts" | "silences", systemId: string): Promise<void>;
  /** Charges a post by the number of its alerts, so that a post of thousands counts as many. */
  charge(systemId: string, alerts: number): Promise<void>;
}

/** This many alerts of one request count as one post. */
const ALERTS_PER_POST = 200;

export function openBudget({ limiter, perMinute }: { limiter: Limiter; perMinute: number }): Budget {
  const take: Budget["take"] = (kind, systemId) =>
    requireBudget(
      limiter,
      `${kind}:${systemId}`,
      { limit: perMinute, windowMs: 60_000 },
      { code: "alerts.throttled", sentence: `too many posts of ${kind} from this system` },
    );
  return {
    take,
    async charge(systemId, alerts) {
      for (let more = Math.ceil(alerts / ALERTS_PER_POST); more > 1; more -= 1) await take("alerts", systemId);
    },
  };
}
