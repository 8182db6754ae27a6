// Decides which backups of a system are removed when a new one comes. Values in, values out.
import type { Kept } from "../store.ts";

export interface RetentionLimits {
  maxPerSystem: number;
  maxBytesPerSystem: number;
}

interface RetentionPlan {
  /** Oldest first. */
  expired: Kept[];
  /** Bytes of the system once the plan is carried out, the new backup among them. */
  bytesAfter: number;
}

/**
 * Expires the oldest backups, by server time, until count and bytes fit together with `incoming`, which itself never expires.
 * Pinned and locked backups stay, so the rest may still exceed the quota: the caller checks that before it admits an upload.
 */
export function planRetention(
  kept: readonly Kept[],
  incoming: { size: number },
  { maxPerSystem, maxBytesPerSystem }: RetentionLimits,
  now: Date,
): RetentionPlan {
  const oldestFirst = [...kept].sort(
    (a, b) => a.uploadedAt.getTime() - b.uploadedAt.getTime() || (a.id < b.id ? -1 : 1),
  );
  let count = kept.length + 1;
  let bytesAfter = kept.reduce((sum, one) => sum + one.size, incoming.size);
  const expired: Kept[] = [];
  for (const one of oldestFirst) {
    if (count <= maxPerSystem && bytesAfter <= maxBytesPerSystem) break;
    if (one.pinned || isLocked(one, now)) continue;
    expired.push(one);
    count -= 1;
    bytesAfter -= one.size;
  }
  return { expired, bytesAfter };
}

export const isLocked = ({ lockedUntil }: Pick<Kept, "lockedUntil">, now: Date): boolean =>
  lockedUntil !== null && lockedUntil > now;
