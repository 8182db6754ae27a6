// POST of an inventory: checked, hashed, queued durably, answered. Everything else happens in the pipeline.
import { randomUUIDv7 } from "bun";
import { Failure } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Limiter } from "../../ports/limiter.ts";
import type { Push } from "../../ports/queue.ts";
import { readDocument } from "./document.ts";
import { extractFacts } from "./facts.ts";
import { partialReasons } from "./partial.ts";
import { encodeIncoming } from "./payload.ts";
import { RECORD_QUEUE } from "./schema.ts";

export interface ReceiverDeps {
  clock: Clock;
  limiter: Limiter;
  ratePerMinute: number;
  /** Resolves when the push is durable. */
  push(push: Push): Promise<void>;
  latestHash(systemId: string): Promise<string | undefined>;
}

export interface Receipt {
  system_id: string;
  timestamp: string;
  data_size: number;
  queue_status: "queued";
  message: string;
  changes_detected: boolean;
}

export interface Receiver {
  /** Before the body is read: 429 for a system that sends too often. */
  admit(systemId: string): Promise<void>;
  receive(systemId: string, bytes: Uint8Array): Promise<Receipt>;
}

/** How long a document may be on its way through the queue while its hash is remembered here. */
const IN_FLIGHT_MS = 30_000;
const MAX_IN_FLIGHT = 10_000;
/** How long an answer waits for a frozen database to say whether a document is a re-send. */
const HASH_PATIENCE_MS = 1_000;

export function openReceiver({ clock, limiter, ratePerMinute, push, latestHash }: ReceiverDeps): Receiver {
  /** The last hash accepted from a system, for re-sends that overtake their own first copy. */
  const inFlight = new Map<string, { hash: string; untilMs: number }>();

  const isResend = async (systemId: string, hash: string, nowMs: number): Promise<boolean> => {
    const last = inFlight.get(systemId);
    return (last && last.untilMs > nowMs ? last.hash : await storedHash(systemId)) === hash;
  };

  /** Undefined also when the database is away: the queue may not be, and then nobody knows what changed. */
  const storedHash = async (systemId: string): Promise<string | undefined> => {
    const answered = new AbortController();
    const patience = clock.sleep(HASH_PATIENCE_MS, answered.signal).then(() => undefined);
    try {
      return await Promise.race([latestHash(systemId), patience]);
    } catch (error) {
      if (error instanceof Failure && error.status === 503) return undefined;
      throw error;
    } finally {
      answered.abort();
    }
  };

  const remember = (systemId: string, hash: string, nowMs: number) => {
    inFlight.delete(systemId);
    inFlight.set(systemId, { hash, untilMs: nowMs + IN_FLIGHT_MS });
    for (const [oldest, { untilMs }] of inFlight) {
      if (inFlight.size <= MAX_IN_FLIGHT && untilMs > nowMs) break;
      inFlight.delete(oldest);
    }
  };

  return {
    async admit(systemId) {
      const waitSeconds = await limiter.take(`inventory:${systemId}`, { limit: ratePerMinute, windowMs: 60_000 });
      if (waitSeconds === 0) return;
      throw new Failure("inventory.throttled", 429, "too many inventories from this system", {
        retryAfterSeconds: Math.min(waitSeconds, 5),
      });
    },

    async receive(systemId, bytes) {
      const { document, text, hash, size, repaired } = readDocument(bytes);
      const receivedAt = clock.now();
      const changesDetected = !(await isResend(systemId, hash, receivedAt.getTime()));
      const id = randomUUIDv7("hex", receivedAt.getTime());
      const header = {
        id,
        systemId,
        receivedAt,
        hash,
        size,
        repaired,
        facts: extractFacts(document),
        partialReasons: partialReasons(document),
      };
      await push({ queue: RECORD_QUEUE, lane: systemId, payload: encodeIncoming({ ...header, text }) });
      remember(systemId, hash, receivedAt.getTime());
      return {
        system_id: systemId,
        timestamp: receivedAt.toISOString(),
        data_size: size,
        queue_status: "queued",
        message: "Your inventory data has been received and will be processed shortly",
        changes_detected: changesDetected,
      };
    },
  };
}
