// Texts of records that were just stored, for the comparing and keeping that follow within milliseconds, mostly here.
import type { Queryable } from "../../ports/database.ts";
import { findTexts } from "./store.ts";

export interface RecentTexts {
  add(recordId: string, text: string): void;
  /** Those at hand, and the rest from the database. */
  read(db: Queryable, recordIds: string[]): Promise<Map<string, string>>;
}

/** Characters held at most; more is simply read again. */
const MAX_HELD = 16 * 1024 ** 2;

export function openRecentTexts(): RecentTexts {
  const held = new Map<string, string>();
  let size = 0;

  const drop = (recordId: string) => {
    size -= held.get(recordId)?.length ?? 0;
    held.delete(recordId);
  };

  return {
    add(recordId, text) {
      drop(recordId);
      held.set(recordId, text);
      size += text.length;
      for (const oldest of held.keys()) {
        if (size <= MAX_HELD) break;
        drop(oldest);
      }
    },
    async read(db, recordIds) {
      const found = new Map<string, string>();
      for (const recordId of recordIds) {
        const text = held.get(recordId);
        if (text !== undefined) found.set(recordId, text);
      }
      const missing = recordIds.filter((recordId) => !found.has(recordId));
      if (missing.length > 0) for (const [recordId, text] of await findTexts(db, missing)) found.set(recordId, text);
      return found;
    },
  };
}
