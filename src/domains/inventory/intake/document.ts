// Reads an inventory's bytes: its document, the text to store, the hash that tells a re-send, and what it says of its sender.
import { Failure } from "../../../errors.ts";
import { canonicalJson, sha256 } from "../../../values/json/canonical.ts";
import { isObject, type JsonObject, type JsonValue, parseKeepingNumbers } from "../../../values/json/value.ts";
import { MAX_DEPTH, type Scan, scan, tooLong } from "../../../values/json/scan.ts";
import { findSyntaxFault, positionOf } from "../../../values/json/syntax.ts";
import { readTime } from "../../../values/time.ts";
import { partialReasons } from "../diff/gaps.ts";
import { extractFacts } from "./facts.ts";
import type { SystemFacts } from "./facts.ts";

/** Bytes; a document of this size takes a few milliseconds to check, and larger ones go to a thread of their own. */
export const LARGE_BYTES = 256 * 1024;

interface ReadDocument {
  /** Without the wrapper that it may have come in. */
  document: JsonObject;
  /** JSON to be stored, exactly what `document` says: the sender's text unless something was repaired, repeated or around it. */
  text: string;
  /** Bytes received. */
  size: number;
  /** SHA-256 of the canonical JSON: the same for any order of keys. */
  hash: string;
  /** How many U+0000, lone surrogates and broken UTF-8 sequences became U+FFFD. */
  repaired: number;
  /** How many keys were repeated within one object; the last one counts. */
  repeatedKeys: number;
  /** ISO 8601; when the device says it made the document. */
  deviceTime: string | undefined;
}

/** What the chain needs to know of a document beside its text. */
export interface Inspected extends Pick<ReadDocument, "hash" | "size" | "repaired" | "deviceTime"> {
  facts: SystemFacts;
  /** Sentences on what the appliance could not collect. */
  partialReasons: string[];
}

/** Throws a Failure 400 with the reason when it is no inventory. */
export function inspect(bytes: Uint8Array): Inspected & Pick<ReadDocument, "text"> {
  const { document, text, hash, size, repaired, deviceTime } = readDocument(bytes);
  return {
    text,
    hash,
    size,
    repaired,
    deviceTime,
    facts: extractFacts(document),
    partialReasons: partialReasons(document),
  };
}

export function readDocument(bytes: Uint8Array): ReadDocument {
  const seen = scan(bytes);
  if (seen.start === bytes.length) throw refusal("inventory.empty", "the body is empty, expected a JSON object");
  if (seen.tooDeepAt >= 0) throw tooDeep(bytes, seen.tooDeepAt);
  if (seen.tooLongAt >= 0)
    throw refusal("inventory.too_long", `${tooLong(bytes, seen.tooLongAt)} at ${placeOf(bytes, seen.tooLongAt)}`);
  const { text: sent, repaired } = repair(bytes, seen);
  const value = parse(sent, seen);
  if (!isObject(value))
    throw refusal(
      "inventory.not_an_object",
      `expected a JSON object, found ${nameOf(value)} at ${positionOf(sent, sent.search(/\S/))}`,
    );
  const { document, deviceTime, members } = unwrap(value);
  const canonical = canonicalJson(document);
  const repeatedKeys = seen.members - members - canonical.members;
  return {
    document,
    text: repeatedKeys > 0 || members > 0 ? JSON.stringify(document) : sent,
    size: bytes.length,
    hash: sha256(canonical.text),
    repaired,
    repeatedKeys,
    deviceTime,
  };
}

interface Unwrapped {
  document: JsonObject;
  /** In UTC; when the device says it made the document. Undefined without a wrapper, and for what is no time. */
  deviceTime: string | undefined;
  /** Members of the wrapper itself. */
  members: number;
}

/**
 * A wrapper has exactly the members `system_id` and `timestamp`, which are texts, and `data`, which is an object. Anything else
 * is a document as it stands, so that no sender's own `data` is ever taken for one.
 */
export function unwrap(value: JsonObject): Unwrapped {
  const { system_id: systemId, timestamp, data } = value;
  const isWrapper = Object.keys(value).length === 3 && typeof systemId === "string" && typeof timestamp === "string";
  if (!isWrapper || !isObject(data ?? null)) return { document: value, deviceTime: undefined, members: 0 };
  return { document: data as JsonObject, deviceTime: readTime(timestamp), members: 3 };
}

/** PostgreSQL's json type takes U+0000 and lone surrogates as escapes, and then fails on reading the value out. */
function repair(bytes: Uint8Array, { ascii, oddEscapes }: Scan): { text: string; repaired: number } {
  const decoded = new TextDecoder().decode(bytes);
  const broken = ascii ? 0 : count(decoded, "\ufffd") - writtenReplacements(bytes);
  if (!oddEscapes) return { text: decoded, repaired: broken };
  let escapes = 0;
  const text = decoded.replace(ESCAPE, (escape) => {
    if (!LONE.test(escape)) return escape;
    escapes++;
    return "\\ufffd";
  });
  return { text, repaired: broken + escapes };
}

/** Each escape as a whole, a surrogate pair as one, so that `\\u0000` (a backslash, then text) is left alone. */
const ESCAPE = /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[\da-fA-F]{4}|[^u])/g;
const LONE = /^\\u(?:0000|[dD][89a-fA-F][\da-fA-F]{2})$/;

/** U+FFFD that the sender wrote as such, in UTF-8. */
function writtenReplacements(bytes: Uint8Array): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let found = 0;
  for (let at = buffer.indexOf("\ufffd"); at >= 0; at = buffer.indexOf("\ufffd", at + 3)) found++;
  return found;
}

function count(text: string, char: string): number {
  let found = 0;
  for (let at = text.indexOf(char); at >= 0; at = text.indexOf(char, at + 1)) found++;
  return found;
}

function parse(text: string, { longNumbers }: Scan): JsonValue {
  try {
    return longNumbers ? parseKeepingNumbers(text) : JSON.parse(text);
  } catch (error) {
    const fault = findSyntaxFault(text);
    throw refusal("inventory.malformed", fault ? `${fault.reason}, at ${positionOf(text, fault.at)}` : String(error));
  }
}

function tooDeep(bytes: Uint8Array, at: number): Failure {
  const bracket = bytes[at] === 0x7b ? "{" : "[";
  return refusal(
    "inventory.too_deep",
    `nested deeper than ${MAX_DEPTH} levels: found "${bracket}" at ${placeOf(bytes, at)}`,
  );
}

function placeOf(bytes: Uint8Array, at: number): string {
  const before = new TextDecoder().decode(bytes.subarray(0, at));
  return positionOf(before, before.length);
}

const refusal = (code: string, reason: string) =>
  new Failure(code, 400, "invalid inventory data", { data: { validation_error: reason } });

function nameOf(value: JsonValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return `a ${typeof value === "object" ? "number" : typeof value}`;
}
