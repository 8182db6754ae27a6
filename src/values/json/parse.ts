// Parses outside JSON, never deeper than one limit and without endless scalars: what reads, walks, compares or prints a value may recurse on it safely.
import { MAX_DEPTH, scan, tooLong } from "./scan.ts";

/** Thrown for bytes that are no JSON, or JSON beyond the limits: a reason that may be shown. */
export class JsonFault extends Error {
  override readonly name = "JsonFault";
}

const LENIENT = new TextDecoder();
const STRICT = new TextDecoder("utf-8", { fatal: true });

/** A byte order mark is allowed. Broken UTF-8 becomes U+FFFD, or is a fault where `strict` is asked for. */
export function parseJson(bytes: Uint8Array, { strict = false }: { strict?: boolean } = {}): unknown {
  if (bytes.byteLength === 0) throw new JsonFault("it is empty");
  const { tooDeepAt, tooLongAt } = scan(bytes);
  if (tooLongAt >= 0) throw new JsonFault(`it holds ${tooLong(bytes, tooLongAt)}`);
  if (tooDeepAt >= 0) throw new JsonFault(`it is nested deeper than ${MAX_DEPTH} levels`);
  try {
    return JSON.parse((strict ? STRICT : LENIENT).decode(bytes));
  } catch (error) {
    throw new JsonFault((error as Error).message, { cause: error });
  }
}

/** The same for text; a lone surrogate becomes U+FFFD. */
export const parseJsonText = (text: string): unknown => parseJson(Buffer.from(text));
