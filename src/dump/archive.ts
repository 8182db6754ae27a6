// Writes and reads a dump's bytes: a tar in zstd whose last entry, SHA256SUMS, holds the hash of every other one.
import { Readable } from "node:stream";
import type { Transform } from "node:stream";
import { pipeline } from "node:stream";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";
import { Failure } from "../errors.ts";
import { counted } from "../values/count.ts";
import { TAR_END, readTar, tarHeader, tarPadding } from "./tar.ts";
import type { TarEntry } from "./tar.ts";

export type Entry = Omit<TarEntry, "body"> & { body: AsyncIterable<Uint8Array> | Iterable<Uint8Array> };

const SUMS = "SHA256SUMS";
const MAX_SUMS_BYTES = 512 * 1024 ** 2;

/** Packs the entries one after the other, and reads only as fast as the consumer takes. */
export function packArchive(entries: AsyncIterable<Entry>, at: Date): AsyncIterable<Uint8Array> {
  const params = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 };
  return through(packTar(entries, at), createZstdCompress({ params }));
}

async function* packTar(entries: AsyncIterable<Entry>, at: Date): AsyncGenerator<Uint8Array, void, undefined> {
  let sums = "";
  for await (const { name, size, body } of entries) {
    yield tarHeader(name, size, at);
    const hasher = new Bun.CryptoHasher("sha256");
    let written = 0;
    for await (const chunk of body) {
      hasher.update(chunk);
      written += chunk.byteLength;
      yield chunk;
    }
    if (written !== size) throw new Error(`${name} has ${counted(written, "byte")} instead of ${size}`);
    yield tarPadding(size);
    sums += `${hasher.digest("hex")}  ${name}\n`;
  }
  const body = Buffer.from(sums);
  yield Buffer.concat([tarHeader(SUMS, body.byteLength, at), body, tarPadding(body.byteLength), TAR_END]);
}

/**
 * Passes each entry to `take`. Hashes are only proved once the promise resolves: the caller has verified the dump before, or
 * trusts nothing until then. A damaged entry is a Failure that names it.
 */
export async function readArchive(
  bytes: AsyncIterable<Uint8Array>,
  take: (entry: TarEntry) => Promise<void>,
): Promise<void> {
  const found = new Map<string, string>();
  let sums: string | undefined;
  let at = "its beginning";
  try {
    for await (const { name, size, body } of readTar(through(bytes, createZstdDecompress()))) {
      if (sums !== undefined) throw new Failure("dump.damaged", 422, `there is more after ${SUMS}`);
      at = name;
      if (name === SUMS) {
        if (size > MAX_SUMS_BYTES) throw new Failure("dump.damaged", 422, "it is too long");
        sums = await textOf(body);
        continue;
      }
      const hasher = new Bun.CryptoHasher("sha256");
      const proved = hashed(body, hasher);
      await take({ name, size, body: proved });
      for await (const _ of proved);
      found.set(name, hasher.digest("hex"));
    }
  } catch (error) {
    throw isOfDump(error) ? damagedIn(at, error.message) : error;
  }
  compareSums(sums, found);
}

/** Errors that the bytes cause: Muster's own findings, and zstd's. */
function isOfDump(error: unknown): error is Error {
  if (error instanceof Failure) return error.code === "dump.damaged";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return (
    /^(ZSTD_|Z_|ERR_ZSTD|ERR_ZLIB|ERR__ERROR)/.test(code) || (error instanceof Error && /zstd/i.test(error.message))
  );
}

function compareSums(sums: string | undefined, found: Map<string, string>): void {
  if (sums === undefined) throw damagedIn([...found.keys()].at(-1) ?? "its beginning", "it ends without SHA256SUMS");
  const listed = new Map(
    sums.split("\n").flatMap((line) => (line ? [[line.slice(66), line.slice(0, 64)] as const] : [])),
  );
  for (const [name, sha256] of found)
    if (listed.get(name) !== sha256)
      throw damagedIn(name, `its SHA-256 is ${sha256}, not ${listed.get(name) ?? "known"}`);
  const missing = [...listed.keys()].find((name) => !found.has(name));
  if (missing !== undefined) throw damagedIn(missing, "it is not there");
}

const damagedIn = (entry: string, why: string) =>
  new Failure(
    "dump.damaged",
    422,
    `The dump is damaged at ${entry}: ${why.replace(/^The dump is damaged: |\.$/g, "")}. Nothing was restored.`,
  );

async function* hashed(body: AsyncIterable<Uint8Array>, hasher: Bun.CryptoHasher) {
  for await (const chunk of body) {
    hasher.update(chunk);
    yield chunk;
  }
}

export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** An error of one side reaches the other; a consumer that stops ends both. */
function through(bytes: AsyncIterable<Uint8Array>, transform: Transform): AsyncIterable<Uint8Array> {
  // The transform is destroyed with the same error, which its reader gets.
  pipeline(Readable.from(bytes, { objectMode: false }), transform, () => {});
  return transform;
}
