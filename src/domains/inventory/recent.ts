// Texts of records that were just stored, for the comparison that follows within milliseconds, mostly in the same process.
import type { Queryable } from "../../ports/database.ts";
import { findTexts } from "./store.ts";

export interface RecentTexts {
  add(recordId: string, text: string): void;
  /** Those at hand, and the rest from the database. What was at hand is given up: a record is compared once. */
  read(db: Queryable, recordIds: string[]): Promise<Map<string, string>>;
}

/** Characters held at most; more is simply read again. */
const MAX_HELD = 16 * 1024 ** 2;

export function openRecentTexts(): RecentTexts {
  const held = new Map<string, string>();
  let size = 0;

  const take = (recordId: string): string | undefined => {
    const text = held.get(recordId);
    if (held.delete(recordId)) size -= text?.length ?? 0;
    return text;
  };

  return {
    add(recordId, text) {
      take(recordId);
      held.set(recordId, text);
      size += text.length;
      for (const oldest of held.keys()) {
        if (size <= MAX_HELD) break;
        take(oldest);
      }
    },
    async read(db, recordIds) {
      const found = new Map<string, string>();
      for (const recordId of recordIds) {
        const text = take(recordId);
        if (text !== undefined) found.set(recordId, text);
      }
      const missing = recordIds.filter((recordId) => !found.has(recordId));
      if (missing.length > 0) for (const [recordId, text] of await findTexts(db, missing)) found.set(recordId, text);
      return found;
    },
  };
}
