// Writes a body into a new file, durably. The next chunk is read while the last ones are being written.
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

/** Bytes gathered for one write: small chunks would each cost a trip to a thread. */
const WRITE_BYTES = 1024 * 1024;

/**
 * Made durable while more comes: all at the end would be a burst that everybody else's small durable writes, such as
 * heartbeats, stand in line behind.
 */
const SYNC_BYTES = 16 * 1024 * 1024;

/** Resolves with the file's size once it is on the disk. Leaves the file when it fails. */
export async function writeFile(path: string, body: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await open(path, "wx", 0o600);
  let size = 0;
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  let writing: Promise<void> = Promise.resolve();
  let unsyncedBytes = 0;
  let syncing: Promise<void> = Promise.resolve();
  try {
    const flush = async () => {
      await writing;
      const [chunks, position] = [gathered, size];
      size += gatheredBytes;
      gathered = [];
      gatheredBytes = 0;
      writing = writeChunks(file, chunks, position);
      // Awaited before the next write; until then a rejection is not unhandled.
      writing.catch(() => {});
      unsyncedBytes += size - position;
      if (unsyncedBytes < SYNC_BYTES) return;
      unsyncedBytes = 0;
      await syncing;
      syncing = writing.then(() => file.datasync());
      syncing.catch(() => {});
    };
    for await (const chunk of body) {
      gathered.push(chunk);
      gatheredBytes += chunk.byteLength;
      if (gatheredBytes >= WRITE_BYTES) await flush();
    }
    await flush();
    await writing;
    await syncing;
    await file.sync();
    return size;
  } finally {
    // A write under way must not outlive its file.
    await Promise.allSettled([writing, syncing]);
    await file.close();
  }
}

async function writeChunks(file: FileHandle, chunks: Uint8Array[], start: number): Promise<void> {
  let position = start;
  for (const chunk of chunks) {
    let offset = 0;
    while (offset < chunk.byteLength) {
      const { bytesWritten } = await file.write(chunk, offset, chunk.byteLength - offset, position);
      offset += bytesWritten;
      position += bytesWritten;
    }
  }
}
