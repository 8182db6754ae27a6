// Bounds the memory of large documents: lets so many bytes be at work at once, and collects garbage after so many.
import { Failure } from "../../../errors.ts";
import { LARGE_BYTES } from "./document.ts";

interface ByteSemaphore {
  /** Runs `work` once there is room for its bytes, in the order of the calls. A Failure 503 when too much waits already. */
  take<Result>(bytes: number, work: () => Promise<Result>): Promise<Result>;
}

interface ByteSemaphoreOptions {
  /** Bytes at work at once; a single document always fits. */
  maxBytes: number;
  /** Bytes that may wait beside them. */
  maxWaitingBytes: number;
}

export function openByteSemaphore({ maxBytes, maxWaitingBytes }: ByteSemaphoreOptions): ByteSemaphore {
  const waiting: { bytes: number; start: () => void }[] = [];
  let atWork = 0;
  let waitingBytes = 0;

  const admit = () => {
    for (let next = waiting[0]; next && (atWork === 0 || atWork + next.bytes <= maxBytes); next = waiting[0]) {
      waiting.shift();
      waitingBytes -= next.bytes;
      atWork += next.bytes;
      next.start();
    }
  };

  return {
    async take(bytes, work) {
      if (waitingBytes > 0 && waitingBytes + bytes > maxWaitingBytes)
        throw new Failure("ingest.busy", 503, "too many large inventories at once", { retryAfterSeconds: 2 });
      const { promise: started, resolve: start } = Promise.withResolvers<void>();
      waiting.push({ bytes, start });
      waitingBytes += bytes;
      admit();
      await started;
      try {
        return await work();
      } finally {
        atWork -= bytes;
        admit();
      }
    },
  };
}

export interface Sweep {
  /** To be called after a document of so many bytes was processed. Small ones never cause a collection. */
  after(bytes: number): void;
}

const SWEEP_BYTES = 16 * 1024 ** 2;

/**
 * A large document leaves few objects behind, each of megabytes; the collector counts on many small ones, and would let
 * hundreds of megabytes gather first.
 */
export function openSweep(collect: () => void = () => Bun.gc(true)): Sweep {
  let bytesSince = 0;
  return {
    after(bytes) {
      if (bytes <= LARGE_BYTES) return;
      bytesSince += bytes;
      if (bytesSince < SWEEP_BYTES) return;
      bytesSince = 0;
      collect();
    },
  };
}
