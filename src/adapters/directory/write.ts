// Writes a body into a new file, durably. The next bytes are taken while the last ones are being written.
import { ptr } from "bun:ffi";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { codeOf } from "./failures.ts";

/** Bytes of one write: large enough that handing it to a thread costs little in comparison. */
const BLOCK_BYTES = 1024 * 1024;
/** Alignment of memory, offset and length that direct writes need. */
const ALIGNMENT = 4096;

/** Resolves with the file's size once it is on the disk. Leaves the file when it fails. */
export async function writeFile(path: string, body: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await open(path, "wx", 0o600);
  const blocks = openBlocks(path, file);
  try {
    for await (const chunk of body) {
      for (let taken = 0; taken < chunk.byteLength;) {
        const room = blocks.room();
        const part = chunk.subarray(taken, taken + room.byteLength);
        room.set(part);
        taken += part.byteLength;
        await blocks.filled(part.byteLength);
      }
    }
    return await blocks.finish();
  } finally {
    await blocks.close();
    await file.close();
  }
}

/**
 * Uses two blocks in turn: one is filled while the other is written. Whole blocks bypass the page cache where the file system
 * supports it: no dirty pages pile up for the final fsync, which would delay the small durable writes of other requests.
 */
function openBlocks(path: string, file: FileHandle) {
  const blocks = [alignedBlock(), alignedBlock()] as const;
  let current = blocks[0];
  let filledBytes = 0;
  let position = 0;
  let direct: FileHandle | undefined;
  let writing: Promise<void> = Promise.resolve();

  const write = async (bytes: Uint8Array, at: number): Promise<void> => {
    if (at === 0 && bytes.byteLength === BLOCK_BYTES) direct = await openDirect(path);
    let written = 0;
    if (direct && bytes.byteLength === BLOCK_BYTES)
      written = (await direct.write(bytes, 0, bytes.byteLength, at)).bytesWritten;
    while (written < bytes.byteLength)
      written += (await file.write(bytes, written, bytes.byteLength - written, at + written)).bytesWritten;
  };

  const flush = async (): Promise<void> => {
    await writing;
    writing = write(current.subarray(0, filledBytes), position);
    // Awaited before the next write; until then a rejection is not unhandled.
    writing.catch(() => {});
    position += filledBytes;
    filledBytes = 0;
    current = current === blocks[0] ? blocks[1] : blocks[0];
  };

  return {
    room: () => current.subarray(filledBytes),
    async filled(bytes: number): Promise<void> {
      filledBytes += bytes;
      if (filledBytes === BLOCK_BYTES) await flush();
    },
    async finish(): Promise<number> {
      await flush();
      await writing;
      await file.sync();
      return position;
    },
    async close(): Promise<void> {
      // A write under way must not outlive its file.
      await writing.catch(() => {});
      await direct?.close();
    },
  };
}

function alignedBlock(): Uint8Array {
  const memory = new Uint8Array(BLOCK_BYTES + ALIGNMENT);
  const past = ptr(memory) % ALIGNMENT;
  const start = past === 0 ? 0 : ALIGNMENT - past;
  return memory.subarray(start, start + BLOCK_BYTES);
}

/** Undefined where the file system has no direct writes. */
async function openDirect(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_WRONLY | constants.O_DIRECT);
  } catch (error) {
    if (codeOf(error) === "EINVAL") return undefined;
    throw error;
  }
}
