// Reads request bodies whole but bounded: in bytes, while inflating, in time, for each sender and over all requests together.
import type { Static, TSchema } from "@sinclair/typebox";
import { Value, ValueErrorType } from "@sinclair/typebox/value";
import type { ValueError } from "@sinclair/typebox/value";
import { Failure } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { JsonFault, parseJson } from "../../values/json/parse.ts";
import { STALL_MS, timeForMs } from "../../values/pace.ts";
import { shown } from "../../values/shown.ts";
import { crowd, crowdOfStrangers, openHeld } from "../bytes/held.ts";
import type { Sender } from "../bytes/held.ts";
import { formatOf, inflate } from "../bytes/inflate.ts";
import { expectation } from "./query.ts";
import { readWire, tooLarge, tooSlow, within } from "../bytes/wire.ts";

export type { Sender };

export interface BodyReader {
  /**
   * The body, inflated; who sends it is known by then. 413 beyond `maxBytes`, 415 for an unknown encoding, 408 for a client that
   * is silent or too slow, 429 when the sender's unfinished bodies are too much, 503 when all of them together are.
   */
  bytes(request: Request, maxBytes: number, sender: Sender): Promise<Uint8Array>;
  /** A small JSON body of the schema's type, or a 400 that names every fault. */
  json<Schema extends TSchema>(request: Request, schema: Schema, sender: Sender): Promise<Static<Schema>>;
}

/** Of large bodies between two collections. */
const COLLECT_BYTES = 64 * 1024 ** 2;

interface BodyReaderOptions {
  clock: Clock;
  /** Bytes held by unfinished requests of this process at once; beyond it clients are asked to come again. */
  budgetBytes?: number;
  /** The same of one sender; at least the largest body that it may send. */
  senderBytes?: number;
  /** A client that sends nothing for this long is given up. */
  stallMs?: number;
}

const MiB = 1024 ** 2;
const SMALL_BODY_BYTES = 64 * 1024;
/** Small bodies that are read in one go at once. What they hold is not seen before they end, so they count as announced. */
const IN_ONE_GO_BYTES = 16 * MiB;
/** Of a body without credentials: a secret, and what else a client may say of itself. */
const STRANGERS_BODY_BYTES = 8 * 1024;
/** A budget of their own, far from what known senders need. */
const STRANGERS = { each: 256 * 1024, all: 8 * MiB };
/** What a chunk takes beside its bytes, which may be a single one. */
const CHUNK_BYTES = 200;
/** An answer stays shorter than the body that it refuses. */
const MAX_FAULTS = 20;
const MAX_PATH_LENGTH = 100;

export function openBodyReader({
  clock,
  budgetBytes = 256 * MiB,
  senderBytes = 32 * MiB,
  stallMs = STALL_MS,
}: BodyReaderOptions): BodyReader {
  const held = openHeld({ each: senderBytes, all: budgetBytes }, crowd);
  const heldOfStrangers = openHeld(STRANGERS, crowdOfStrangers);
  let inOneGoBytes = 0;
  let largeBytesSince = 0;

  const bytes = async (request: Request, most: number, sender: Sender): Promise<Uint8Array> => {
    const isKnown = "verified" in sender;
    const maxBytes = isKnown ? most : Math.min(most, STRANGERS_BODY_BYTES);
    const length = Number(request.headers.get("content-length") ?? NaN);
    if (length > maxBytes) throw tooLarge(maxBytes);
    try {
      // What says that it is short, and is not packed, is read in one go: that costs a third of reading it as it comes.
      const isShort = length > 0 && length <= SMALL_BODY_BYTES && !request.headers.has("content-encoding");
      if (isKnown && isShort && inOneGoBytes + length <= IN_ONE_GO_BYTES) return await inOneGo(request, length);
      return await asItComes(request, maxBytes, sender);
    } catch (error) {
      throw asBodyFailure(error, request);
    }
  };

  /** A large body that is refused leaves one object of megabytes, of which the collector sees many only late. */
  const collectAfter = (length: number) => {
    if (length <= SMALL_BODY_BYTES) return;
    largeBytesSince += length;
    if (largeBytesSince < COLLECT_BYTES) return;
    largeBytesSince = 0;
    Bun.gc(true);
  };

  const inOneGo = async (request: Request, length: number): Promise<Uint8Array> => {
    inOneGoBytes += length;
    try {
      return new Uint8Array(await within(request.arrayBuffer(), clock, timeForMs(length, stallMs), tooSlow));
    } finally {
      inOneGoBytes -= length;
    }
  };

  const asItComes = async (request: Request, maxBytes: number, sender: Sender): Promise<Uint8Array> => {
    const format = formatOf(request);
    if (request.body === null) return new Uint8Array();
    const wire = readWire(request.body, { clock, stallMs, maxBytes });
    const source = format ? inflate(wire, format) : wire;
    const [budget, name] = "verified" in sender ? [held, sender.verified] : [heldOfStrangers, sender.stranger];
    const chunks: Uint8Array[] = [];
    let length = 0;
    let charged = 0;
    try {
      for (let chunk = await source.next(); chunk; chunk = await source.next()) {
        if (length + chunk.byteLength > maxBytes) throw tooLarge(maxBytes);
        budget.charge(name, chunk.byteLength + CHUNK_BYTES);
        charged += chunk.byteLength + CHUNK_BYTES;
        length += chunk.byteLength;
        chunks.push(chunk);
      }
      collectAfter(length);
      return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length);
    } catch (error) {
      source.cancel();
      throw error;
    } finally {
      budget.release(name, charged);
    }
  };

  const json = async <Schema extends TSchema>(
    request: Request,
    schema: Schema,
    sender: Sender,
  ): Promise<Static<Schema>> => {
    const value = readJson(await bytes(request, SMALL_BODY_BYTES, sender));
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
