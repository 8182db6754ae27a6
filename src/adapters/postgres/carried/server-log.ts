// Keeps the log of the carried PostgreSQL, and keeps it short.
import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from "node:fs";
import type { Layout } from "./files/layout.ts";

const LIMIT_BYTES = 8 * 1024 ** 2;
const TAIL_BYTES = 64 * 1024;

/** The end of a log that grew too long is kept. A running server appends, so it goes on behind that. */
export function boundServerLog(layout: Layout): void {
  const descriptor = openServerLog(layout);
  try {
    const { size } = fstatSync(descriptor);
    if (size < LIMIT_BYTES) return;
    const tail = Buffer.alloc(TAIL_BYTES);
    readSync(descriptor, tail, 0, TAIL_BYTES, size - TAIL_BYTES);
    ftruncateSync(descriptor);
    writeSync(descriptor, tail);
  } finally {
    closeSync(descriptor);
  }
}

/** Root may open this in a directory of somebody else, so a link there is not followed. */
export function openServerLog({ root, log }: Layout): number {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants;
  const descriptor = openSync(log, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0o640);
  if (process.getuid?.() === 0) {
    const { uid, gid } = statSync(root);
    fchownSync(descriptor, uid, gid);
  }
  return descriptor;
}
