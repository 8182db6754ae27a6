// Reads one page of a list and says where the next one begins: a cursor is the key of the last row shown.
import { decodeCursor, encodeCursor } from "./cursor.ts";
import type { CursorPart } from "./cursor.ts";

type Key<Kinds extends readonly CursorPart[]> = { [Index in keyof Kinds]: string };

interface PageOptions<Row, Kinds extends readonly CursorPart[]> {
  limit: number;
  cursor?: string | undefined;
  /** What a row is sorted by, in this order; no two rows have the same. */
  keys: Kinds;
  keyOf(row: Row): NoInfer<Key<Kinds>>;
  /** Up to `count` rows behind the key; one that bounds its answer in bytes too says itself whether more are there. */
  read(after: NoInfer<Key<Kinds>> | undefined, count: number): Promise<Row[] | { rows: Row[]; more: boolean }>;
}

interface Page<Row> {
  rows: Row[];
  /** Null on the last page. */
  next_cursor: string | null;
}

/** One row more than the limit is read: it is not shown, and tells that there is a next page. */
export async function readPage<Row, const Kinds extends readonly CursorPart[]>({
  limit,
  cursor,
  keys,
  keyOf,
  read,
}: PageOptions<Row, Kinds>): Promise<Page<Row>> {
  const found = await read(decodeCursor(cursor, keys), limit + 1);
  const { rows, more } = "rows" in found ? found : { rows: found.slice(0, limit), more: found.length > limit };
  const last = more ? rows.at(-1) : undefined;
  return { rows, next_cursor: last === undefined ? null : encodeCursor(...keyOf(last)) };
}
