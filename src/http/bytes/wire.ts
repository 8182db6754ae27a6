// Reads a body's bytes as the client sends them, and gives up one that is too long, silent or too slow.
import { Failure } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { patienceMs } from "../../values/pace.ts";
import type { Progress } from "../../values/pace.ts";

interface WireOptions {
  clock: Clock;
  stallMs: number;
  /** More is a 413. */
  maxBytes: number;
}

export interface Wire {
  /** The next chunk, when it is asked for; undefined at the end. It fails with a Failure, or with what the socket says. */
  next(): Promise<Uint8Array | undefined>;
  /** What still comes is dropped. */
  cancel(): void;
}

export function readWire(body: ReadableStream<Uint8Array>, { clock, stallMs, maxBytes }: WireOptions): Wire {
  const reader = body.getReader();
  const progress: Progress = { receivedBytes: 0, waitedMs: 0 };
  return {
    async next() {
      const patience = patienceMs(progress, stallMs);
      const sinceMs = clock.now().getTime();
      const { done, value } = await within(reader.read(), clock, patience, patience < stallMs ? tooSlow : stalled);
      // A machine's clock that was set meanwhile is no client's fault.
      progress.waitedMs += Math.min(patience, Math.max(0, clock.now().getTime() - sinceMs));
      if (done) return undefined;
      progress.receivedBytes += value.byteLength;
      if (progress.receivedBytes > maxBytes) throw tooLarge(maxBytes);
      return value;
    },
    cancel: () => void reader.cancel().catch(() => {}),
  };
}

/** The result, or the fault when there is none in time. */
export async function within<T>(work: Promise<T>, clock: Clock, ms: number, fault: () => Failure): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(ms, () => reject(fault()));
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}

// The rest of such a body may never come, and its connection would wait for it.
const CLOSE = { headers: { connection: "close" } };
const stalled = () => new Failure("request.stalled", 408, "the request body stalled", CLOSE);
export const tooSlow = () => new Failure("request.slow", 408, "the request body comes too slowly", CLOSE);

export const tooLarge = (maxBytes: number) =>
  new Failure("request.too_large", 413, `request body too large: at most ${maxBytes} bytes are accepted`, {
    data: { max_size_bytes: maxBytes },
  });
