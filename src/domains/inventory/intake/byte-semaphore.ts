// Lets so many bytes of large documents be at work at once; the others wait in line, or are asked to come again.
import { Failure } from "../../../errors.ts";

export interface Turns {
  /** Runs `work` once there is room for its bytes. A Failure 503 when too much waits already. */
  take<Result>(bytes: number, work: () => Promise<Result>): Promise<Result>;
}

export interface TurnsOptions {
  /** Bytes at work at once; a single document always fits. */
  maxBytes: number;
  /** Bytes that may wait beside them. */
  maxWaitingBytes: number;
}

export function openTurns({ maxBytes, maxWaitingBytes }: TurnsOptions): Turns {
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
