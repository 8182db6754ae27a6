// POST of an inventory: checked, hashed, queued durably, answered. Everything else happens in the pipeline.
import { randomUUIDv7 } from "bun";
import { Failure } from "../../../errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Limiter } from "../../../ports/limiter.ts";
import type { Push } from "../../../ports/queue.ts";
import { checkBudget } from "./budget.ts";
import type { Budgets } from "./budget.ts";
import type { Added, Standing } from "./budget-store.ts";
import { inspect } from "./inspect.ts";
import type { Inspected } from "./inspect.ts";
import { LARGE_BYTES } from "../large/thread.ts";
import type { LargeDocuments } from "../large/thread.ts";
import { encodePacked, packText } from "./payload.ts";
import { RECORD_QUEUE } from "../schema.ts";
import type { Sweep } from "./sweep.ts";
import { openTurns } from "./byte-semaphore.ts";

export interface ReceiverDeps {
  clock: Clock;
  limiter: Limiter;
  ratePerMinute: number;
  large: Pick<LargeDocuments, "inspect">;
  sweep: Sweep;
  /** Resolves when the push is durable. */
  push(push: Push): Promise<void>;
  /** Its last document, and how much history was added on the day of `at`. */
  findStanding(systemId: string, at: Date): Promise<Standing>;
  /** Notes history that is about to be added. */
  addHistory(added: Added[]): Promise<void>;
  budgets: Budgets;
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
/** Large documents between their bytes and their push at once: each is there several times over on the way. */
const LARGE_AT_WORK_BYTES = 20 * 1024 ** 2;
const LARGE_WAITING_BYTES = 64 * 1024 ** 2;

const ignoreOutage = (error: unknown) => {
  if (!(error instanceof Failure && error.status === 503)) throw error;
};

export function openReceiver({
  clock,
  limiter,
  ratePerMinute,
  large,
  sweep,
  push,
  findStanding,
  addHistory,
  budgets,
}: ReceiverDeps): Receiver {
  const turns = openTurns({ maxBytes: LARGE_AT_WORK_BYTES, maxWaitingBytes: LARGE_WAITING_BYTES });
  /** The last hash accepted from a system, for re-sends that overtake their own first copy. */
  const inFlight = new Map<string, { hash: string; untilMs: number }>();

  const lastInFlight = (systemId: string, nowMs: number): string | undefined => {
    const last = inFlight.get(systemId);
    return last && last.untilMs > nowMs ? last.hash : undefined;
  };

  /** Undefined when the database is away: the queue may not be, and then nobody knows what changed, nor counts bytes. */
  const standingOf = async (systemId: string, at: Date): Promise<Standing | undefined> => {
    const answered = new AbortController();
    const patience = clock.sleep(HASH_PATIENCE_MS, answered.signal).then(() => undefined);
    try {
      return await Promise.race([findStanding(systemId, at), patience]);
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
    if (size > LARGE_BYTES) await addHistory([{ systemId, receivedAt, bytes: size }]).catch(ignoreOutage);
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
      if (bytes.length <= LARGE_BYTES) {
        const { text, ...read } = inspect(bytes);
        return accept(systemId, read, packText(text));
      }
      return turns.take(bytes.length, async () => {
        const { inspected, packed } = await large.inspect(bytes);
        const receipt = await accept(systemId, inspected, packed);
        sweep.after(receipt.data_size);
        return receipt;
      });
    },
  };
}
