// Writes a dump's file, which appears under its name only when it is whole and on the disk.
import { constants } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Failure, reasonOf } from "../errors.ts";

/** Resolves with the file's size. Replaces an existing file of this name. */
export async function writeDumpFile(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<number> {
  const partial = partialOf(path);
  try {
    const size = await writeSynced(partial, bytes, signal);
    await rename(partial, path);
    await syncDirectory(dirname(path));
    return size;
  } catch (error) {
    throw fileFailure(path, error);
  } finally {
    await rm(partial, { force: true });
  }
}

/** Removes the file of a killed process; no other process uses this name. */
export const PARTIAL = /\.part-\d+$/;
const partialOf = (path: string) => `${path}.part-${process.pid}`;

async function writeSynced(path: string, bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number> {
  const file = await open(path, "wx", 0o600);
  let size = 0;
  try {
    for await (const chunk of bytes) {
      signal?.throwIfAborted();
      for (let at = 0; at < chunk.byteLength;) at += (await file.write(chunk, at)).bytesWritten;
      size += chunk.byteLength;
    }
    await file.sync();
    return size;
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function fileFailure(path: string, error: unknown): unknown {
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  if (error instanceof Failure || !/^E[A-Z]+$/.test(code)) return error;
  const isFull = code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
  const why = isFull ? "the disk is full" : reasonOf(error);
  return new Failure(
    "dump.unwritable",
    isFull ? 507 : 503,
    `${path} cannot be written: ${why}. Nothing of it was left.`,
    {
      cause: error,
    },
  );
}
