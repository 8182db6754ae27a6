// Gives up on a store that does nothing: the SDK waits for ever otherwise.
import type { Clock } from "../../ports/clock.ts";
import { hangs } from "./failures.ts";

export interface Watch {
  readonly signal: AbortSignal;
  /** From now on the store has `patienceMs` for its next step. */
  storesTurn(): void;
  /** From now on the client is awaited, without a limit here. */
  clientsTurn(): void;
  /** Aborts the request with this reason. */
  giveUp(reason: unknown): void;
  /** Reason of the abort; undefined without one. */
  reason(): unknown;
  end(): void;
}

export function watchStore(clock: Clock, patienceMs: number): Watch {
  const controller = new AbortController();
  let sinceMs: number | undefined = clock.now().getTime();
  let cancel = () => {};
  let reason: unknown;
  const giveUp = (why: unknown) => {
    reason ??= why;
    cancel();
    controller.abort();
  };
  const wait = (ms: number) => {
    cancel = clock.after(ms, () => {
      const waitedMs = sinceMs === undefined ? 0 : clock.now().getTime() - sinceMs;
      if (waitedMs < patienceMs) wait(patienceMs - waitedMs);
      else giveUp(hangs(Math.round(patienceMs / 1000)));
    });
  };
  wait(patienceMs);
  return {
    signal: controller.signal,
    storesTurn: () => (sinceMs = clock.now().getTime()),
    clientsTurn: () => (sinceMs = undefined),
    giveUp,
    reason: () => reason,
    end: () => cancel(),
  };
}
