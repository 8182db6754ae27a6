// Encodes the sort key of the last row shown as an opaque cursor, so a page never skips or repeats rows that came meanwhile.
import { Failure } from "../../errors.ts";
import { parseJson } from "../../values/json/parse.ts";
import { shown } from "../../values/shown.ts";
import { readTime } from "../../values/time.ts";

/** What a cursor's part may hold; anything else never reaches SQL. */
const PARTS = {
  text: /^[^\0]*$/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$/,
  date: /^\d{4}-\d\d-\d\d$/,
  integer: /^\d{1,9}$/,
  /** Below 2^63. */
  bigint: /^\d{1,18}$/,
};
export type CursorPart = keyof typeof PARTS;

export function encodeCursor(...parts: string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** The parts that a cursor was made of, one a kind; undefined for no cursor, a Failure 400 for one of another making. */
export function decodeCursor<const Kinds extends readonly CursorPart[]>(
  cursor: string | undefined,
  kinds: Kinds,
): { [Index in keyof Kinds]: string } | undefined {
  if (cursor === undefined) return undefined;
  const parts = parse(cursor);
  const fits =
    Array.isArray(parts) &&
    parts.length === kinds.length &&
    kinds.every((kind, index) => typeof parts[index] === "string" && isPart(kind, parts[index]));
  if (!fits) {
    const fault = "is not one that this API gave out";
    throw new Failure("request.cursor", 400, `invalid query: cursor ${fault}, got ${shown(cursor)}`, {
      data: { faults: { cursor: fault } },
    });
  }
  return parts as { [Index in keyof Kinds]: string };
}

/** A day that no calendar has would reach SQL as an error of ours. */
function isPart(kind: CursorPart, part: string): boolean {
  if (!PARTS[kind].test(part)) return false;
  if (kind !== "date" && kind !== "time") return true;
  return readTime(kind === "date" ? `${part}T00:00:00Z` : part) !== undefined;
}

function parse(cursor: string): unknown {
  try {
    return parseJson(Buffer.from(cursor, "base64url"));
  } catch {
    return undefined;
  }
}
