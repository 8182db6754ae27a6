// Limits how many alerts, and how many changes of silences, one system may post in a minute.
import { Failure } from "../../../errors.ts";
import type { Limiter } from "../../../ports/limiter.ts";

interface Budget {
  /** A Failure 429 for a system that posts too often. */
  take(kind: "alerts" | "silences", systemId: string): Promise<void>;
  /** Charges a post by the number of its alerts, so that a post of thousands counts as many. */
  charge(systemId: string, alerts: number): Promise<void>;
}

/** This many alerts of one request count as one post. */
const ALERTS_PER_POST = 200;
/** Appliances obey Retry-After literally, so it stays small. */
const MAX_WAIT_SECONDS = 5;

export function openBudget({ limiter, perMinute }: { limiter: Limiter; perMinute: number }): Budget {
  const take: Budget["take"] = async (kind, systemId) => {
    const waitSeconds = await limiter.take(`${kind}:${systemId}`, { limit: perMinute, windowMs: 60_000 });
    if (waitSeconds > 0)
      throw new Failure("alerts.throttled", 429, `too many posts of ${kind} from this system`, {
        retryAfterSeconds: Math.min(waitSeconds, MAX_WAIT_SECONDS),
      });
  };
  return {
    take,
    async charge(systemId, alerts) {
      for (let more = Math.ceil(alerts / ALERTS_PER_POST); more > 1; more -= 1) await take("alerts", systemId);
    },
  };
}
