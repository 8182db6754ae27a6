// Reads a JSON array element by element, so that a long one never blocks the event loop.
import { JsonFault, parseJson } from "./parse.ts";

/** Bytes whose elements are parsed in one turn of the event loop; larger chunks are cut. */
const TURN_BYTES = 128 * 1024;

type State = "before" | "first" | "element" | "after";

interface ArrayLimits {
  /** Of one element; a longer one is an ArrayFault before it is parsed. */
  elementBytes: number;
}

/** Thrown for text that is not a JSON array. */
export class ArrayFault extends Error {
  override readonly name = "ArrayFault";
}

const [QUOTE, BACKSLASH, COMMA, OPEN, CLOSE, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d];
const isBlank = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Yields each element, parsed. Throws an ArrayFault for text that is not a JSON array. */
export async function* readArray(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { elementBytes }: ArrayLimits,
): AsyncGenerator<unknown> {
  let state = "before" as State;
  let depth = 0;
  let inText = false;
  let isEscaped = false;
  let hasElements = false;
  let held: Uint8Array[] = [];
  let heldBytes = 0;

  const hold = (part: Uint8Array) => {
    heldBytes += part.byteLength;
    if (heldBytes > elementBytes) throw new ArrayFault(`an element is longer than ${elementBytes} bytes`);
    if (part.byteLength > 0) held.push(part);
  };
  const take = (): unknown => {
    const bytes = held.length === 1 && held[0] ? held[0] : Buffer.concat(held);
    held = [];
    heldBytes = 0;
    return parse(bytes);
  };

  for await (const whole of chunks) {
    for (let offset = 0; offset < whole.byteLength; offset += TURN_BYTES) {
      if (offset > 0) await new Promise((resolve) => setImmediate(resolve));
      const chunk = whole.subarray(offset, offset + TURN_BYTES);
      let start = 0;
      for (let at = 0; at < chunk.byteLength; at += 1) {
        const byte = chunk[at] ?? 0;
        if (inText) {
          if (isEscaped) isEscaped = false;
          else if (byte === BACKSLASH) isEscaped = true;
          else if (byte === QUOTE) inText = false;
          continue;
        }
        if (state === "before" || state === "after") {
          if (isBlank(byte)) continue;
          if (state !== "before" || byte !== OPEN) throw new ArrayFault("it is not an array");
          state = "first";
          start = at + 1;
        } else if (byte === QUOTE) {
          inText = true;
          state = "element";
        } else if (byte === OPEN || byte === OPEN_OBJECT) {
          depth += 1;
          state = "element";
        } else if (depth > 0) {
          if (byte === CLOSE || byte === CLOSE_OBJECT) depth -= 1;
        } else if (byte === COMMA || byte === CLOSE) {
          hold(chunk.subarray(start, at));
          if (state === "element" || byte === COMMA || hasElements) {
            hasElements = true;
            yield take();
          }
          start = at + 1;
          state = byte === CLOSE ? "after" : "first";
        } else if (!isBlank(byte)) state = "element";
      }
      if (state === "first" || state === "element") hold(chunk.slice(start));
    }
  }
  if (state !== "after") throw new ArrayFault("the array has no end");
}

/** Parses a short array at once. Throws an ArrayFault for text that is not a JSON array. */
export function parseArray(bytes: Uint8Array): unknown[] {
  const value = parse(bytes);
  if (Array.isArray(value)) return value;
  throw new ArrayFault("it is not an array");
}

function parse(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes);
  } catch (error) {
    throw error instanceof JsonFault ? new ArrayFault(error.message, { cause: error }) : error;
  }
}
