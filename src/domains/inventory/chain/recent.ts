// Holds the documents of records that were stored lately, and splits work on documents into rounds that fit in memory.
import type { Queryable } from "../../../ports/database.ts";
import type { JsonObject } from "../../../values/json/value.ts";
import { LARGE_BYTES } from "../intake/document.ts";
import { isLargeJob, unpackText } from "../intake/payload.ts";
import { storedDocument } from "../rules/judge.ts";
import type { StoredDocument } from "../rules/judge.ts";
import { findTexts } from "./store.ts";

/**
 * Every step after the receipt needs the document again: the record's own comparison, its projection, and the comparison of
 * the record after it. Of 44 KB, inflating takes 0.05 ms of CPU and parsing 0.9 ms, three times what comparing two parsed
 * documents takes. So these steps share one parse while memory allows it: parsed documents take three times the memory of
 * their texts, and about twenty times that of the compressed texts. The receipt parses for itself (0.8 ms with all its checks):
 * its job may run in another process, and only the text is durable.
 */
export interface RecentDocuments {
  /** `packed` is the text as it came through the queue. */
  add(recordId: string, packed: string): void;
  /** Takes those that are held from memory, and the rest from the database. */
  read(db: Queryable, recordIds: string[]): Promise<Map<string, StoredDocument>>;
  /** Forgets records whose successor was compared: no step needs them again. */
  drop(recordIds: string[]): void;
}

/** Characters of compressed texts, about 7,000 systems' newest documents of 30 KB; what is not held is simply read again. */
const MAX_PACKED = 32 * 1024 ** 2;
/** Characters of the texts of parsed documents, which then take about 12 MB. */
const MAX_PARSED = 4 * 1024 ** 2;

export function openRecentDocuments(): RecentDocuments {
  const packed = openBounded<string>(MAX_PACKED);
  const parsed = openBounded<JsonObject>(MAX_PARSED);

  const stored = (recordId: string, text: string): StoredDocument => {
    const own = storedDocument(text);
    if (text.length > LARGE_BYTES) return own;
    // A document is held in `parsed` alone: a round may have more of them than fit there.
    return {
      text,
      document() {
        const document = parsed.get(recordId) ?? own.document();
        parsed.add(recordId, document, text.length);
        return document;
      },
    };
  };

  return {
    add: (recordId, text) => packed.add(recordId, text, text.length),
    async read(db, recordIds) {
      const found = new Map<string, StoredDocument>();
      for (const recordId of recordIds) {
        const text = packed.get(recordId);
        if (text !== undefined) found.set(recordId, stored(recordId, unpackText(text)));
      }
      const missing = recordIds.filter((recordId) => !found.has(recordId));
      if (missing.length > 0)
        for (const [recordId, text] of await findTexts(db, missing)) found.set(recordId, stored(recordId, text));
      return found;
    },
    drop(recordIds) {
      for (const recordId of recordIds) {
        packed.drop(recordId);
        parsed.drop(recordId);
      }
    },
  };
}

/** Forgets what was added longest ago once the sizes exceed `maxSize` together. */
function openBounded<Value>(maxSize: number) {
  const held = new Map<string, { value: Value; size: number }>();
  let total = 0;

  const drop = (key: string) => {
    total -= held.get(key)?.size ?? 0;
    held.delete(key);
  };

  return {
    get: (key: string) => held.get(key)?.value,
    add(key: string, value: Value, size: number) {
      drop(key);
      held.set(key, { value, size });
      total += size;
      for (const oldest of held.keys()) {
        if (total <= maxSize) break;
        drop(oldest);
      }
    },
    drop,
  };
}

/** Raw bytes of documents that one round may hold; parsed, and with what parsing leaves behind, they take about ten times as much. */
const ROUND_BYTES = 8 * 1024 ** 2;

/** Keeps the order; an item that is larger than a whole round gets a round of its own. */
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

/** Limits of the jobs that work on documents. */
export const DOCUMENT_JOBS = {
  batch: 100,
  batchBytes: ROUND_BYTES,
  concurrency: 1,
  leaseMs: 15_000,
  isLong: isLargeJob,
};
