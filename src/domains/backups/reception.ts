// A backup's bytes on their way from the client: counted, hashed, and given up when the client stalls or goes away.
import { setImmediate } from "node:timers/promises";
import { Failure } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { FIRST_BYTES } from "./encryption.ts";

export interface ReceptionOptions {
  clock: Clock;
  /** More is a 413. */
  maxBytes: number;
  /** As declared by the client; another one is a 400. */
  length: number | undefined;
  /** Hex, as declared by the client; another one is a 422. */
  sha256: string | undefined;
  /** A client that sends nothing for this long is given up with a 408. */
  stallMs: number;
}

export interface Reception {
  /** Reads on only when asked. Throws before its last chunk is given on, so nobody stores a whole body that is wrong. */
  body: AsyncGenerator<Uint8Array, void, undefined>;
  /** Hex SHA-256 of all bytes, known once the body is at its end. */
  sha256(): string;
  /** The beginning, as far as it has come. */
  first(): Uint8Array;
}

/** Other requests get their turn at least this often, however fast a body comes. */
const TURN_BYTES = 256 * 1024;

export function openReception(source: ReadableStream<Uint8Array> | null, options: ReceptionOptions): Reception {
  const hasher = new Bun.CryptoHasher("sha256");
  let digest: string | undefined;
  const first = Buffer.alloc(FIRST_BYTES);
  let size = 0;

  const take = (chunk: Uint8Array) => {
    if (size < FIRST_BYTES) first.set(chunk.subarray(0, FIRST_BYTES - size), size);
    size += chunk.byteLength;
    if (options.length !== undefined && size > options.length) throw mismatch();
    if (size > options.maxBytes) throw tooLarge(options.maxBytes);
    hasher.update(chunk);
  };

  const conclude = () => {
    if (options.length !== undefined && size !== options.length) throw mismatch();
    if (size === 0) throw new Failure("backup.empty", 400, "an empty backup is not kept");
    digest = hasher.digest("hex");
    if (options.sha256 !== undefined && options.sha256 !== digest)
      throw new Failure("backup.digest", 422, "the backup does not have the SHA-256 that X-Content-SHA256 says");
  };

  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    let held: Uint8Array | undefined;
    let sinceTurn = 0;
    for await (const chunk of unstalled(source, options)) {
      if (chunk.byteLength === 0) continue;
      take(chunk);
      sinceTurn += chunk.byteLength;
      if (sinceTurn >= TURN_BYTES) {
        sinceTurn = 0;
        await setImmediate();
      }
      if (held) yield held;
      held = chunk;
    }
    conclude();
    if (held) yield held;
  }

  return {
    body: read(),
    sha256() {
      if (digest === undefined) throw new Error("The body has not been read to its end.");
      return digest;
    },
    first: () => first.subarray(0, Math.min(size, FIRST_BYTES)),
  };
}

async function* unstalled(
  source: ReadableStream<Uint8Array> | null,
  { clock, stallMs }: ReceptionOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = source?.getReader();
  if (!reader) return;
  let waitingSinceMs: number | undefined;
  let stalled = false;
  let cancelTimer = () => {};
  const watch = (ms: number) => {
    cancelTimer = clock.after(ms, () => {
      const waitedMs = waitingSinceMs === undefined ? 0 : clock.now().getTime() - waitingSinceMs;
      if (waitedMs < stallMs) return watch(stallMs - waitedMs);
      stalled = true;
      // Ends the read that waits.
      reader.cancel().catch(() => {});
    });
  };
  watch(stallMs);
  let ended = false;
  try {
    for (;;) {
      waitingSinceMs = clock.now().getTime();
      const { done, value } = await reader.read();
      waitingSinceMs = undefined;
      if (stalled) throw new Failure("request.stalled", 408, "the upload stalled");
      ended = done;
      if (done) return;
      yield value;
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure("request.aborted", 400, "the client went away before its body was complete", { cause: error });
  } finally {
    cancelTimer();
    if (!ended) reader.cancel().catch(() => {});
  }
}

const mismatch = () => new Failure("backup.length", 400, "upload length mismatch");

export const tooLarge = (maxBytes: number) =>
  new Failure("backup.too_large", 413, "backup exceeds max upload size", { data: { max_bytes: maxBytes } });
