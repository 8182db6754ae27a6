// Watches a dependency: each call to it tells whether it is there; only while it is away is it probed.
import { Failure, reasonOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Clock } from "../../ports/clock.ts";

export interface Presence {
  /** Also starts a new check when the last one is old; callers never wait for it. */
  isAway(): boolean;
  /** For how long it has been away, in ms; 0 while it is there. */
  awayMs(): number;
  /** Why it is away. */
  reason(): string | undefined;
  /** Runs a call and learns from it. */
  run<Result>(call: () => Promise<Result>): Promise<Result>;
}

interface PresenceDeps {
  /** Rejects with a Failure 503 while it is away. */
  probe(): Promise<unknown>;
  clock: Clock;
  log: Log;
  /** Log lines for its loss and its return. */
  words: { away: string; back: string };
}

const PROBE_MS = 250;

export function watchPresence({ probe, clock, log, words }: PresenceDeps): Presence {
  let away: { sinceMs: number; reason: string; nextProbeMs: number } | undefined;
  let probing = false;
  const nowMs = () => clock.now().getTime();

  const seen = () => {
    if (!away) return;
    log.info(words.back, { seconds: Math.round((nowMs() - away.sinceMs) / 1_000) });
    away = undefined;
  };
  const missed = (error: unknown) => {
    if (!isOutage(error)) return;
    if (!away) log.warn(words.away, { reason: reasonOf(error) });
    away = { sinceMs: away?.sinceMs ?? nowMs(), reason: reasonOf(error), nextProbeMs: nowMs() + PROBE_MS };
  };
  const look = async () => {
    probing = true;
    await probe().then(seen, missed);
    probing = false;
  };

  return {
    isAway() {
      // A clock that was set back must not delay the next check.
      if (away && !probing && (nowMs() >= away.nextProbeMs || nowMs() < away.sinceMs)) void look();
      return away !== undefined;
    },
    awayMs: () => (away ? nowMs() - away.sinceMs : 0),
    reason: () => away?.reason,
    async run(call) {
      try {
        const result = await call();
        seen();
        return result;
      } catch (error) {
        missed(error);
        throw error;
      }
    },
  };
}

/** The dependency is away or full: the fallback may do the work. */
export function isOutage(error: unknown): boolean {
  return error instanceof Failure && error.outage;
}
