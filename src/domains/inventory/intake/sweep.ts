// Asks for a garbage collection after so many bytes of large documents: what they leave behind is few objects, each of
// megabytes, and the collector, which counts on many small ones, would let hundreds of megabytes gather first.
import { LARGE_BYTES } from "../large/thread.ts";

export interface Sweep {
  /** Documents of so many bytes together have been dealt with. Small ones never cause a collection. */
  after(bytes: number): void;
}

const EVERY_BYTES = 16 * 1024 ** 2;

export function openSweep(collect: () => void = () => Bun.gc(true)): Sweep {
  let bytesSince = 0;
  return {
    after(bytes) {
      if (bytes <= LARGE_BYTES) return;
      bytesSince += bytes;
      if (bytesSince < EVERY_BYTES) return;
      bytesSince = 0;
      collect();
    },
  };
}
