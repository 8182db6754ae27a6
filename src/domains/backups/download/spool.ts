// Bytes from a store that is no directory, gathered before the first of them is sent: then the answer has a length, and a
// store that fails half-way is an error instead of a short file.
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../../errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import { DAY_MS } from "../../../values/time.ts";

export interface Spool {
  /** Throws a Failure 502 unless exactly `length` bytes come. */
  gather(stream: ReadableStream<Uint8Array>, length: number): Promise<Blob | Uint8Array<ArrayBuffer>>;
  /** Removes files of killed processes. */
  clear(): Promise<void>;
}

/** Backups up to this size are gathered in memory, larger ones in a file. */
const IN_MEMORY_BYTES = 4 * 1024 ** 2;
/** The listener has opened the file by then, and can read it after its name is removed. */
const UNNAMED_AFTER_MS = 60_000;

export function openSpool({ directory, clock }: { directory: string; clock: Clock }): Spool {
  return {
    gather: (stream, length) => (length <= IN_MEMORY_BYTES ? inMemory(stream, length) : inFile(stream, length)),

    async clear() {
      const before = Date.now() - DAY_MS;
      for (const name of await readdir(directory).catch(() => [])) {
        const path = join(directory, name);
        const found = await stat(path).catch(() => undefined);
        if (found && found.mtimeMs < before) await rm(path, { force: true });
      }
    },
  };

  async function inFile(stream: ReadableStream<Uint8Array>, length: number): Promise<Blob> {
    const path = join(directory, crypto.randomUUID());
    const forget = () => rm(path, { force: true });
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const file = await open(path, "wx", 0o600);
      try {
        let size = 0;
        for await (const chunk of checked(stream, length)) {
          for (let offset = 0; offset < chunk.byteLength;) {
            const { bytesWritten } = await file.write(chunk, offset, chunk.byteLength - offset, size + offset);
            offset += bytesWritten;
          }
          size += chunk.byteLength;
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      await forget();
      if (error instanceof Error && "code" in error && error.code === "ENOSPC")
        throw new Failure("storage.full", 507, "no disk space left to gather the backup for its download", {
          cause: error,
        });
      throw error;
    }
    clock.after(UNNAMED_AFTER_MS, () => void forget());
    return Bun.file(path);
  }
}

async function inMemory(stream: ReadableStream<Uint8Array>, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let size = 0;
  for await (const chunk of checked(stream, length)) {
    bytes.set(chunk, size);
    size += chunk.byteLength;
  }
  return bytes;
}

async function* checked(stream: ReadableStream<Uint8Array>, length: number) {
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > length) break;
    yield chunk;
  }
  if (size !== length) throw new Failure("storage.failed", 502, "the backup storage did not send the whole backup");
}
