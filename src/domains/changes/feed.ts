// Pages the feed of changes: every change once, in the order of transactions, whatever commits when.
import { decodeCursor, encodeCursor } from "../../http/edge/cursor.ts";
import type { Queryable } from "../../ports/database.ts";
import { rawElements, rawOrNull } from "../../values/json/raw.ts";
import { NIL_UUID } from "../../values/uuid.ts";
import type { FeedQuery } from "./schema.ts";
import { MAX_SCANNED, findChanges, scanFeed } from "./store.ts";

/**
 * A row carries the number of its transaction. Numbers are given in order, commits come in any; but once no transaction with
 * a number below N runs, all rows below N are there for good. So rows are shown from below the oldest running transaction
 * only, and whoever remembers the last one shown misses nothing.
 */
export async function readFeed(db: Queryable, { after, significant, limit }: FeedQuery) {
  const [epoch, transaction, id] = decodeCursor(after, ["integer", "bigint", "uuid"]) ?? ["0", "0", NIL_UUID];
  const { found, end } = await scanFeed(db, { epoch, transaction, id }, significant ?? null, limit);
  const { changes, cut } = await findChanges(
    db,
    found.map((row) => row.id),
  );
  const shownLast = cut ? found.find((row) => row.id === changes.at(-1)?.id) : undefined;
  const last = shownLast ?? (found.length === limit ? found.at(-1) : end);
  return {
    changes: changes.map(({ elements, previous_value, current_value, ...row }) => ({
      ...row,
      elements: rawElements(elements),
      previous_value: rawOrNull(previous_value),
      current_value: rawOrNull(current_value),
    })),
    next_cursor: encodeCursor(last?.epoch ?? epoch, last?.transaction ?? transaction, last?.id ?? id),
    more: cut || found.length === limit || end?.place === MAX_SCANNED,
  };
}
