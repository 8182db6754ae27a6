// Receives an inventory: checks and hashes it, queues it durably, answers. Everything else happens in the pipeline.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";
import { randomUUIDv7 } from "bun";
import { Failure } from "../../../errors.ts";
import { requireBudget } from "../../../http/edge/throttle.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Limiter } from "../../../ports/limiter.ts";
import type { Push } from "../../../ports/queue.ts";
import type { Queryable } from "../../../ports/database.ts";
import { Time } from "../../../values/schema.ts";
import { addHistory, checkBudget, findStanding } from "./budget.ts";
import type { Budgets, Standing } from "./budget.ts";
import { inspect, LARGE_BYTES } from "./document.ts";
import type { Inspected } from "./document.ts";
import { openByteSemaphore } from "./memory.ts";
import type { Sweep } from "./memory.ts";
import { encodePacked, packText, RECORD_QUEUE } from "./payload.ts";

interface ReceiverDeps {
  clock: Clock;
  limiter: Limiter;
  ratePerMinute: number;
  database: Queryable;
  large: { inspect(bytes: Uint8Array): Promise<{ inspected: Inspected; packed: string }> };
  sweep: Sweep;
  /** Resolves when the push is durable. */
  push(push: Push): Promise<void>;
  budgets: Budgets;
}

export const Receipt = Type.Object({
  system_id: Type.String(),
  timestamp: Time,
  data_size: Type.Integer({ description: "Bytes as received, after inflating." }),
  queue_status: Type.Literal("queued"),
  message: Type.String(),
  changes_detected: Type.Boolean({ description: "False only for an identical re-send." }),
});
type Receipt = Static<typeof Receipt>;

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
/** Bytes of large documents between receipt and push at once: each is in memory several times over on the way. */
const LARGE_AT_WORK_BYTES = 20 * 1024 ** 2;
const LARGE_WAITING_BYTES = 64 * 1024 ** 2;

const ignoreOutage = (error: unknown) => {
  if (!(error instanceof Failure && error.status === 503)) throw error;
};

export function openReceiver({
  clock,
  limiter,
  ratePerMinute,
  database,
  large,
  sweep,
  push,
  budgets,
}: ReceiverDeps): Receiver {
  const atWork = openByteSemaphore({ maxBytes: LARGE_AT_WORK_BYTES, maxWaitingBytes: LARGE_WAITING_BYTES });
  /** The last hash accepted from a system, for re-sends that overtake their own first copy. */
  const inFlight = new Map<string, { hash: string; untilMs: number }>();

  const lastInFlight = (systemId: string, nowMs: number): string | undefined => {
    const last = inFlight.get(systemId);
    return last && last.untilMs > nowMs ? last.hash : undefined;
  };

  /** Undefined while the database is away and the queue is not: inventories are then taken without a budget. */
  const standingOf = async (systemId: string, at: Date): Promise<Standing | undefined> => {
    const answered = new AbortController();
    const patience = clock.sleep(HASH_PATIENCE_MS, answered.signal).then(() => undefined);
    try {
      return await Promise.race([findStanding(database, systemId, at), patience]);
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

  const accept = async (systemId: string, read: Inspected, packed: string): Promise<Receipt> => {
    const { hash, size } = read;
    const receivedAt = clock.now();
    const standing = await standingOf(systemId, receivedAt);
    const changesDetected = (lastInFlight(systemId, receivedAt.getTime()) ?? standing?.hash) !== hash;
    if (changesDetected && standing) await spend(systemId, size, receivedAt, standing);
    const id = randomUUIDv7("hex", receivedAt.getTime());
    const payload = encodePacked({ header: { id, systemId, receivedAt, ...read }, packed });
    await push({ queue: RECORD_QUEUE, lane: systemId, payload });
    remember(systemId, hash, receivedAt.getTime());
    return {
      system_id: systemId,
      timestamp: receivedAt.toISOString(),
      data_size: size,
      queue_status: "queued",
      message: "Your inventory data has been received and will be processed shortly",
      changes_detected: changesDetected,
    };
  };

  /** Large ones are counted at once, so that those on their way do not pass together; others when they are compared. */
  const spend = async (systemId: string, size: number, receivedAt: Date, standing: Standing) => {
    await checkBudget({ limiter, budgets }, systemId, size, standing);
    if (size > LARGE_BYTES) await addHistory(database, [{ systemId, receivedAt, bytes: size }]).catch(ignoreOutage);
  };

  return {
    admit: (systemId) =>
      requireBudget(
        limiter,
        `inventory:${systemId}`,
        { limit: ratePerMinute, windowMs: 60_000 },
        { code: "inventory.throttled", sentence: "too many inventories from this system" },
      ),

    async receive(systemId, bytes) {
      if (bytes.length <= LARGE_BYTES) {
        const { text, ...read } = inspect(bytes);
        return accept(systemId, read, packText(text));
      }
      return atWork.take(bytes.length, async () => {
        const { inspected, packed } = await large.inspect(bytes);
        const receipt = await accept(systemId, inspected, packed);
        sweep.after(receipt.data_size);
        return receipt;
      });
    },
  };
}
