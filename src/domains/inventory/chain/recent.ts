// Holds the texts of records that were stored lately, still compressed, and splits work on documents into rounds that fit in memory.
import type { Queryable } from "../../../ports/database.ts";
import { isLargeJob, unpackText } from "../intake/payload.ts";
import { findTexts } from "./store.ts";

export interface RecentTexts {
  /** `packed` is the text as it came through the queue. */
  add(recordId: string, packed: string): void;
  /** Those at hand, and the rest from the database. */
  read(db: Queryable, recordIds: string[]): Promise<Map<string, string>>;
  /** For records that have a successor: nobody asks for them again. */
  drop(recordIds: string[]): void;
}

/** Characters held at most, about 7,000 systems' newest documents of 30 KB; what is not held is simply read again. */
const MAX_HELD = 32 * 1024 ** 2;

export function openRecentTexts(): RecentTexts {
  const held = new Map<string, string>();
  let size = 0;

  const dropOne = (recordId: string) => {
    size -= held.get(recordId)?.length ?? 0;
    held.delete(recordId);
  };

  return {
    add(recordId, packed) {
      dropOne(recordId);
      held.set(recordId, packed);
      size += packed.length;
      for (const oldest of held.keys()) {
        if (size <= MAX_HELD) break;
        dropOne(oldest);
      }
    },
    async read(db, recordIds) {
      const found = new Map<string, string>();
      for (const recordId of recordIds) {
        const packed = held.get(recordId);
        if (packed !== undefined) found.set(recordId, unpackText(packed));
      }
      const missing = recordIds.filter((recordId) => !found.has(recordId));
      if (missing.length > 0) for (const [recordId, text] of await findTexts(db, missing)) found.set(recordId, text);
      return found;
    },
    drop: (recordIds) => recordIds.forEach(dropOne),
  };
}

/** Raw bytes of documents that one round may hold; parsed they take about ten times as much. */
export const ROUND_BYTES = 8 * 1024 ** 2;

/** In order; an item that is larger than a whole round gets one of its own. */
export function rounds<Item extends { bytes: number }>(items: readonly Item[]): Item[][] {
  const groups: Item[][] = [];
  let bytes = Infinity;
  for (const item of items) {
    if (bytes + item.bytes > ROUND_BYTES) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(item);
    bytes += item.bytes;
  }
  return groups;
}

/** Of the jobs that work on documents: what one call is given, and how. */
export const DOCUMENT_JOBS = {
  batch: 100,
  batchBytes: ROUND_BYTES,
  concurrency: 1,
  leaseMs: 15_000,
  isLong: isLargeJob,
};
