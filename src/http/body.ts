// Request bodies, read whole but bounded: in bytes, while inflating, in time, and over all requests together.
import type { Static, TSchema } from "@sinclair/typebox";
import { Value, ValueErrorType } from "@sinclair/typebox/value";
import type { ValueError } from "@sinclair/typebox/value";
import { Failure } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import { JsonFault, parseJson } from "../values/json.ts";
import { shown } from "../values/shown.ts";
import { expectation } from "./query.ts";

export interface BodyReader {
  /** The body, inflated. 413 beyond `maxBytes`, 415 for an unknown encoding, 408 for a stall, 503 when all bodies together are too much. */
  bytes(request: Request, maxBytes: number): Promise<Uint8Array>;
  /** A small JSON body of the schema's type, or a 400 that names every fault. */
  json<Schema extends TSchema>(request: Request, schema: Schema): Promise<Static<Schema>>;
}

export interface BodyReaderOptions {
  clock: Clock;
  /** Bytes held by unfinished requests of this process at once; beyond it clients are asked to come again. */
  budgetBytes?: number;
  /** A client that sends nothing for this long is given up. */
  stallMs?: number;
}

const SMALL_BODY_BYTES = 64 * 1024;
/** An answer stays shorter than the body that it refuses. */
const MAX_FAULTS = 20;
const MAX_PATH_LENGTH = 100;
const FORMATS: Record<string, Bun.CompressionFormat> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  zstd: "zstd",
  deflate: "deflate",
};

export function openBodyReader({
  clock,
  budgetBytes = 256 * 1024 ** 2,
  stallMs = 20_000,
}: BodyReaderOptions): BodyReader {
  let heldBytes = 0;

  const bytes = async (request: Request, maxBytes: number): Promise<Uint8Array> => {
    if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
    const small = await smallBytes(request);
    if (small) return small;
    const stream = inflated(request, maxBytes);
    if (stream === null) return new Uint8Array();
    const reader = stream.getReader();
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      for (;;) {
        const { done, value } = await beforeStall(reader.read(), clock, stallMs);
        if (done) return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length);
        length += value.byteLength;
        heldBytes += value.byteLength;
        if (length > maxBytes) throw tooLarge(maxBytes);
        if (heldBytes > budgetBytes) throw busy();
        chunks.push(value);
      }
    } catch (error) {
      reader.cancel().catch(() => {});
      throw asBodyFailure(error, request);
    } finally {
      heldBytes -= length;
    }
  };

  /** What says that it is short, and is not packed, is read in one go: that costs a third of reading it as it comes. */
  const smallBytes = async (request: Request): Promise<Uint8Array | undefined> => {
    const length = Number(request.headers.get("content-length") ?? NaN);
    if (!(length > 0 && length <= SMALL_BODY_BYTES) || request.headers.has("content-encoding")) return undefined;
    heldBytes += length;
    try {
      if (heldBytes > budgetBytes) throw busy();
      return new Uint8Array(await beforeStall(request.arrayBuffer(), clock, stallMs));
    } catch (error) {
      throw asBodyFailure(error, request);
    } finally {
      heldBytes -= length;
    }
  };

  const json = async <Schema extends TSchema>(request: Request, schema: Schema): Promise<Static<Schema>> => {
    const value = readJson(await bytes(request, SMALL_BODY_BYTES));
    // By name, also by one like `__proto__`.
    const faults: Record<string, string> = Object.create(null);
    for (const fault of Value.Errors(schema, value)) {
      faults[fault.path.slice(1, MAX_PATH_LENGTH) || "body"] ??= describeFault(fault);
      if (Object.keys(faults).length >= MAX_FAULTS) break;
    }
    const sentence = Object.entries(faults)
      .map(([name, fault]) => `${name} ${fault}`)
      .join("; ");
    if (sentence) throw new Failure("request.body", 400, `invalid request body: ${sentence}`, { data: { faults } });
    return value as Static<Schema>;
  };

  return { bytes, json };
}

/** The body as the client meant it. Compressed bytes are bounded here, since they may inflate to nothing; inflated ones above. */
function inflated(request: Request, maxBytes: number): ReadableStream<Uint8Array> | null {
  const encoding = (request.headers.get("content-encoding") ?? "identity").trim().toLowerCase();
  if (encoding === "identity" || encoding === "" || request.body === null) return request.body;
  const format = FORMATS[encoding];
  if (!format) {
    throw new Failure("request.encoding", 415, `Content-Encoding must be gzip or zstd, got ${shown(encoding, 42)}`);
  }
  return request.body.pipeThrough(bounded(maxBytes)).pipeThrough(new DecompressionStream(format));
}

function bounded(maxBytes: number): TransformStream<Uint8Array, Uint8Array<ArrayBuffer>> {
  let length = 0;
  return new TransformStream({
    transform(chunk, controller) {
      length += chunk.byteLength;
      if (length > maxBytes) throw tooLarge(maxBytes);
      controller.enqueue(new Uint8Array(chunk));
    },
  });
}

async function beforeStall<T>(read: Promise<T>, clock: Clock, stallMs: number): Promise<T> {
  const { promise: stalled, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(stallMs, () => reject(new Failure("request.stalled", 408, "the request body stalled")));
  try {
    return await Promise.race([read, stalled]);
  } finally {
    cancel();
  }
}

function asBodyFailure(error: unknown, request: Request): unknown {
  if (error instanceof Failure) return error;
  if (request.signal.aborted || (error instanceof Error && error.name === "AbortError")) {
    return new Failure("request.aborted", 400, "the client went away before its body was complete", { cause: error });
  }
  // A DecompressionStream rejects truncated and foreign data with a TypeError.
  if (error instanceof TypeError) {
    return new Failure(
      "request.encoding",
      400,
      `the body is not valid ${request.headers.get("content-encoding")} data`,
      { cause: error },
    );
  }
  return error;
}

const busy = () => new Failure("ingest.busy", 503, "too many large requests at once", { retryAfterSeconds: 2 });

const tooLarge = (maxBytes: number) =>
  new Failure("request.too_large", 413, `request body too large: at most ${maxBytes} bytes are accepted`, {
    data: { max_size_bytes: maxBytes },
  });

function readJson(body: Uint8Array): unknown {
  try {
    return parseJson(body, { strict: true });
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    throw new Failure("request.body", 400, `invalid request body: not JSON: ${error.message}`, {
      data: { faults: { body: error.message } },
    });
  }
}

function describeFault({ type, schema, value }: ValueError): string {
  if (type === ValueErrorType.ObjectAdditionalProperties)
    return `is not known here; known are ${Object.keys(schema["properties"]).join(", ")}`;
  const wanted = expectation(schema);
  if (value === undefined) return `${wanted}, got nothing`;
  // A secret must not come back in an answer, where proxies and logs may keep it.
  return schema["writeOnly"] ? wanted : `${wanted}, got ${shown(value)}`;
}
