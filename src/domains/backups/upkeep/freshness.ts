// Rates how fresh a system's backups are: the newest one's age against its own rhythm, its size against those before.
import { DAY_MS } from "../../../values/time.ts";

export interface Measured {
  size: number;
  uploadedAt: Date;
}

export interface Freshness {
  status: "ok" | "stale" | "none";
  age_seconds: number | null;
  /** The usual time between two backups; null while there are fewer than three. */
  rhythm_seconds: number | null;
  stale_after_seconds: number;
  /** Of the newest, compared with the middle of those before; null for a first one. */
  size_change_percent: number | null;
  shrunk: boolean;
}

/** Used until a rhythm is known. Clients skip unchanged configurations, so a day or two without a backup is normal. */
const STALE_WITHOUT_RHYTHM_MS = 7 * DAY_MS;
const STALE_AT_LEAST_MS = 2 * 3_600_000;
const RHYTHMS_MISSED = 3;
/** Stale after 1.5 times the longest pause so far. */
const LONGEST_PAUSE_FACTOR = 1.5;
const SHRUNK_SHARE = 0.5;
/** Number of earlier backups that the newest one's size is compared with. */
const COMPARED = 5;

/** `backups` in any order; those that are lost or damaged do not count and are left out by the caller. */
export function freshnessOf(backups: readonly Measured[], now: Date): Freshness {
  const newestFirst = [...backups].sort((a, b) => b.uploadedAt.getTime() - a.uploadedAt.getTime());
  const [newest, ...before] = newestFirst;
  const pauses = before.map(
    (older, index) => (newestFirst[index]?.uploadedAt.getTime() ?? 0) - older.uploadedAt.getTime(),
  );
  const rhythmMs = pauses.length >= 2 ? middle(pauses) : undefined;
  const staleAfterMs = rhythmMs === undefined ? STALE_WITHOUT_RHYTHM_MS : longestWait(rhythmMs, pauses);
  const ageMs = newest ? Math.max(0, now.getTime() - newest.uploadedAt.getTime()) : undefined;
  const usualSize = middle(before.slice(0, COMPARED).map((one) => one.size));
  const change = newest && usualSize ? newest.size / usualSize - 1 : undefined;
  return {
    status: ageMs === undefined ? "none" : ageMs > staleAfterMs ? "stale" : "ok",
    age_seconds: ageMs === undefined ? null : Math.floor(ageMs / 1000),
    rhythm_seconds: rhythmMs === undefined ? null : Math.round(rhythmMs / 1000),
    stale_after_seconds: Math.round(staleAfterMs / 1000),
    size_change_percent: change === undefined ? null : Math.round(change * 100),
    shrunk: change !== undefined && change <= -SHRUNK_SHARE,
  };
}

const longestWait = (rhythmMs: number, pauses: readonly number[]) =>
  Math.max(RHYTHMS_MISSED * rhythmMs, LONGEST_PAUSE_FACTOR * Math.max(...pauses), STALE_AT_LEAST_MS);

function middle(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2;
}
