// Pushes whose callers were told that they failed, though they may have run: taken back as soon as Redis can be reached, so
// that what the caller did instead (tried again, or used another queue) stays the only copy.
import { reasonOf } from "../../../errors.ts";
import type { Log } from "../../../log.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { RedisConnection } from "../connection.ts";
import { steps } from "./steps.ts";

interface Withdrawals {
  add(ids: readonly string[]): void;
  close(): Promise<void>;
}

/** How long withdrawn ids are refused: a command may stay in the socket of a frozen server for long. */
const REMEMBERED_MS = 3_600_000;
/** Ids of one step; and how many are remembered: at 1,000 pushes in flight that is far more than an outage can leave without an answer. */
const PIECE = 1_000;
const MAX_UNANSWERED = 100_000;
/** Between two tries while Redis is frozen, when no reconnection says that it is back. */
const RETRY_MS = 1_000;

export function openWithdrawals(deps: { connection: RedisConnection; clock: Clock; log: Log }): Withdrawals {
  const { connection, clock, log } = deps;
  const unanswered: string[] = [];
  let running: Promise<void> | undefined;
  let cancelRetry = () => {};
  let closed = false;

  const withdrawAll = async () => {
    while (unanswered.length > 0) {
      const piece = unanswered.slice(0, PIECE);
      const args = [clock.now().getTime(), REMEMBERED_MS, ...piece];
      const withdrawn = Number(await connection.run(steps.withdraw, [], args));
      unanswered.splice(0, piece.length);
      if (withdrawn > 0) log.info("Withdrew jobs from Redis whose push had no answer.", { jobs: withdrawn });
    }
  };

  const start = () => {
    if (closed || unanswered.length === 0) return;
    running ??= withdrawAll()
      .catch((error: unknown) => {
        log.debug("Pushes without an answer cannot be withdrawn yet.", { reason: reasonOf(error) });
        cancelRetry();
        cancelRetry = clock.after(RETRY_MS, start);
      })
      .finally(() => (running = undefined));
  };
  connection.onReady(start);

  return {
    add(ids) {
      unanswered.push(...ids.slice(0, MAX_UNANSWERED - unanswered.length));
      start();
    },
    async close() {
      closed = true;
      cancelRetry();
      await running;
    },
  };
}
