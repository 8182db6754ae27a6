// Decides how long bytes from a client may be waited for: slow uplinks get more time, and no body is held for ever.

/** 4 kbit/s, a tenth of what a bad mobile uplink carries. */
export const LEAST_BYTES_PER_SECOND = 512;
/** How long a client may be silent, and how far it may fall behind the least rate: a link that hangs for a moment. */
export const STALL_MS = 20_000;

export interface Progress {
  receivedBytes: number;
  /** Spent waiting for the client; time that we took ourselves does not count. */
  waitedMs: number;
}

/** Milliseconds in which so many bytes must have come. */
export const timeForMs = (bytes: number, stallMs = STALL_MS) => stallMs + (bytes / LEAST_BYTES_PER_SECOND) * 1000;

/** Milliseconds that the next bytes may be waited for; less than `stallMs` where the body as a whole comes too slowly. */
export function patienceMs({ receivedBytes, waitedMs }: Progress, stallMs = STALL_MS): number {
  return Math.max(0, Math.min(stallMs, timeForMs(receivedBytes, stallMs) - waitedMs));
}
