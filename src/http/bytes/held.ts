// Counts the bytes of bodies that have not come to their end, by sender and together, so that no sender can use up what others need.
import { Failure } from "../../errors.ts";
import { tooMany } from "../edge/throttle.ts";

/** Whose body it is: somebody whose credentials were verified, by any of its names, or an unverified network. */
export type Sender = { verified: string } | { stranger: string };

interface HeldLimits {
  /** Of one sender. */
  each: number;
  /** Of all senders of the kind. */
  all: number;
}

interface Held {
  /** As bytes arrive; a Failure 429 or 503 when they are too many, and then they are not counted. */
  charge(sender: string, bytes: number): void;
  release(sender: string, bytes: number): void;
}

const RETRY_AFTER_SECONDS = 2;

export function openHeld({ each, all }: HeldLimits, crowded: () => Failure): Held {
  const bySender = new Map<string, number>();
  let total = 0;
  return {
    charge(sender, bytes) {
      const own = (bySender.get(sender) ?? 0) + bytes;
      if (own > each) throw ownCrowd();
      if (total + bytes > all) throw crowded();
      bySender.set(sender, own);
      total += bytes;
    },
    release(sender, bytes) {
      const own = (bySender.get(sender) ?? 0) - bytes;
      if (own > 0) bySender.set(sender, own);
      else bySender.delete(sender);
      total -= bytes;
    },
  };
}

const ownCrowd = () =>
  tooMany({
    code: "body.sender_busy",
    sentence: "too many unfinished requests of this sender at once",
    mostSeconds: RETRY_AFTER_SECONDS,
  });

export const crowd = () =>
  new Failure("ingest.busy", 503, "too many large requests at once", { retryAfterSeconds: RETRY_AFTER_SECONDS });

export const crowdOfStrangers = () =>
  new Failure("body.strangers_busy", 503, "too many requests without credentials at once", {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
