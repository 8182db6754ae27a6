// Writes and reads tar as every tar does: ustar headers, and a PAX header before names that do not fit.
import { Failure } from "../errors.ts";

export interface TarEntry {
  name: string;
  size: number;
  /** Read before the next entry is requested; an unread rest is skipped. */
  body: AsyncIterable<Uint8Array>;
}

const BLOCK = 512;
const NAME_BYTES = 100;
/** Largest size that the octal field can hold. */
const MAX_SIZE = 8 ** 11 - 1;
const MAX_PAX_BYTES = 64 * 1024;

/** End of a tar. */
export const TAR_END = new Uint8Array(2 * BLOCK);

/** Headers before the body. */
export function tarHeader(name: string, size: number, at: Date): Uint8Array {
  if (size > MAX_SIZE) throw new Error(`${name} is too large for a tar.`);
  if (Buffer.byteLength(name) <= NAME_BYTES) return header(name, size, at, "0");
  const record = paxRecord("path", name);
  const pax = [header("pax", record.byteLength, at, "x"), record, tarPadding(record.byteLength)];
  return Buffer.concat([...pax, header(Buffer.from(name).subarray(0, NAME_BYTES).toString(), size, at, "0")]);
}

export const tarPadding = (size: number) => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);

function header(name: string, size: number, at: Date, type: "0" | "x"): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number) => block.write(value.toString(8).padStart(digits, "0"), at);
  block.write(name, 0);
  octal(0o600, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(Math.floor(at.getTime() / 1000), 136, 11);
  block.write("        ", 148);
  block.write(type, 156);
  block.write("ustar\u000000", 257);
  octal(checksumOf(block), 148, 6);
  block.write("\u0000 ", 154);
  return block;
}

/** `length key=value\n`, where the length counts itself. */
function paxRecord(key: string, value: string): Uint8Array {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  const length = [1, 2, 3, 4, 5].map((digits) => rest + digits).find((sum, index) => String(sum).length === index + 1);
  return Buffer.from(`${length} ${key}=${value}\n`);
}

const checksumOf = (block: Uint8Array) => block.reduce((sum, byte, index) => sum + (isSum(index) ? 32 : byte), 0);
const isSum = (index: number) => index >= 148 && index < 156;

/** Yields the entries of a tar in order. Throws when it is cut off or not a tar. */
export async function* readTar(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry, void, undefined> {
  const reader = openReader(bytes);
  let longName: string | undefined;
  try {
    for (;;) {
      const block = await reader.take(BLOCK);
      if (block.every((byte) => byte === 0)) return await reader.drain();
      const { name, size, type } = readHeader(block);
      const after = tarPadding(size).byteLength;
      if (type === "x") {
        if (size > MAX_PAX_BYTES) throw damaged("a header is too long");
        longName = /^\d+ path=([^\n]*)\n/.exec(Buffer.from(await reader.take(size)).toString())?.[1];
      } else {
        const body = reader.upTo(size);
        yield { name: longName ?? name, size, body };
        for await (const _ of body);
        longName = undefined;
      }
      await reader.take(after);
    }
  } finally {
    await reader.close();
  }
}

function readHeader(block: Uint8Array) {
  const text = (start: number, length: number) =>
    Buffer.from(block.subarray(start, start + length))
      .toString()
      .replace(/\u0000[^]*$/, "");
  const size = parseInt(text(124, 12), 8);
  const isHeader = text(257, 5) === "ustar" && parseInt(text(148, 8), 8) === checksumOf(block) && size >= 0;
  if (!isHeader) throw damaged("a header is not one");
  return { name: text(0, NAME_BYTES), size, type: text(156, 1) };
}

function openReader(bytes: AsyncIterable<Uint8Array>) {
  const chunks = bytes[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array();

  const more = async (): Promise<Uint8Array> => {
    while (rest.byteLength === 0) {
      const { done, value } = await chunks.next();
      if (done) throw damaged("it ends too early");
      rest = value;
    }
    return rest;
  };
  async function* upTo(size: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let left = size; left > 0;) {
      const chunk = (await more()).subarray(0, left);
      rest = rest.subarray(chunk.byteLength);
      left -= chunk.byteLength;
      yield chunk;
    }
  }
  return {
    upTo,
    async take(size: number): Promise<Uint8Array> {
      const parts: Uint8Array[] = [];
      for await (const part of upTo(size)) parts.push(part);
      return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
    },
    /** Reads to the end of the bytes, which checks the compression's own checksum. */
    async drain(): Promise<void> {
      while (!(await chunks.next()).done);
    },
    async close(): Promise<void> {
      await chunks.return?.();
    },
  };
}

const damaged = (why: string) => new Failure("dump.damaged", 422, `The dump is damaged: ${why}.`);
