// Defines where backups' bytes are. test/contract/objects.ts pins these promises; an object's row says what it is.
import { Failure } from "../errors.ts";

export interface PutOptions {
  /** Bytes of the body; undefined when they are not known before its end. */
  length: number | undefined;
  contentType: string;
  /** Stored with the object for people who browse the store. Called once the body has been read to its end. */
  metadata: () => Record<string, string>;
  /** The store itself refuses to remove the object until then, where it can. */
  retainUntil?: Date | undefined;
}

/** First and last byte, both inclusive. */
export interface ByteRange {
  first: number;
  last: number;
}

export interface StoredObject {
  key: string;
  size: number;
}

/** Rejections are Failures: 502 or 503 when the store fails, 507 when it is full; errors of the body are passed on unchanged. */
export interface ObjectStore {
  /** Names the store in the start log and in `muster doctor`. */
  readonly describe: string;
  /**
   * Stores the body durably under a key that must be free. A body that throws, or brings more or fewer bytes than `length`,
   * leaves no object. The body is read only as fast as it is stored. Resolves with the object's size.
   */
  put(key: string, body: AsyncIterable<Uint8Array>, options: PutOptions): Promise<number>;
  /** The object's bytes, read as fast as they are taken; undefined when there is no such object. */
  get(key: string, range?: ByteRange): Promise<ReadableStream<Uint8Array> | undefined>;
  /** Path of a local file with the bytes, which the listener sends itself; undefined where objects are not files. */
  localPath?(key: string): string;
  head(key: string): Promise<StoredObject | undefined>;
  /** Every object whose key starts with `prefix` (whole segments, ending in a slash, or nothing), in byte order of their keys. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** Succeeds when there is no such object. */
  remove(key: string): Promise<void>;
  /** Bytes that still fit; undefined when unknown. */
  room(): Promise<number | undefined>;
  /** Removes invisible remains of puts that were interrupted before `before`. Returns how many. */
  clearRemains(before: Date): Promise<number>;
  /** Rejects, or returns a sentence about what is wrong, unless objects can be stored and read. */
  check(): Promise<string | undefined>;
  close(): Promise<void>;
}

const MAX_KEY_LENGTH = 900;
const SEGMENT = /^[A-Za-z0-9_=-][A-Za-z0-9._=-]{0,199}$/;

/** Throws unless the key is made of plain segments: it becomes a path and a URL. */
export function checkKey(key: string): string {
  if (key.length <= MAX_KEY_LENGTH && key.split("/").every((segment) => SEGMENT.test(segment))) return key;
  throw new Failure("objects.key", 400, "not a key of the object store", {
    detail: JSON.stringify(key.slice(0, 200)),
  });
}

/** As checkKey, for the prefix of `list`. */
export function checkPrefix(prefix: string): string {
  if (prefix !== "") checkKey(prefix.endsWith("/") ? prefix.slice(0, -1) : `${prefix}?`);
  return prefix;
}

/** Passes the body on; throws a Failure before its last chunk when it is shorter or longer than `length`. */
export async function* exactly(
  body: AsyncIterable<Uint8Array>,
  length: number | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let size = 0;
  let held: Uint8Array | undefined;
  for await (const chunk of body) {
    if (chunk.byteLength === 0) continue;
    size += chunk.byteLength;
    if (length !== undefined && size > length) throw lengthMismatch();
    if (held) yield held;
    held = chunk;
  }
  if (length !== undefined && size !== length) throw lengthMismatch();
  if (held) yield held;
}

const lengthMismatch = () => new Failure("objects.length", 400, "upload length mismatch");
