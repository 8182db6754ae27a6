// Tells "what we depend on is away" from "this work is bad", and reports an outage once, not once a try.
import { Failure, reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports/clock.ts";

/** A dependency is away or full: waiting helps, and no job is to blame. */
export const isOutage = (error: unknown): boolean => error instanceof Failure && error.outage;

/** Also true for a call that was only too slow: for calls whose outcome must be stored. */
export const isTransient = (error: unknown): boolean =>
  isOutage(error) || (error instanceof Failure && error.status === 503);

export interface Outage {
  /** Returns how many tries in a row have failed, this one included. */
  failed(error: unknown): number;
  over(): void;
}

/** `what` starts a sentence: "The queue". */
export function watchOutage(what: string, clock: Clock, log: Log): Outage {
  let failures = 0;
  let since = 0;
  return {
    failed(error) {
      failures += 1;
      if (failures > 1) return failures;
      since = clock.now().getTime();
      log.warn(`${what} is away; waiting for it`, { reason: reasonText(error) });
      return failures;
    },
    over() {
      if (failures === 0) return;
      failures = 0;
      log.info(`${what} is back`, { seconds: Math.round((clock.now().getTime() - since) / 1_000) });
    },
  };
}

/** As reasonOf, for any thrown value, even one without a text. */
export function reasonText(error: unknown): string {
  try {
    return reasonOf(error);
  } catch {
    return "something without a text was thrown";
  }
}
