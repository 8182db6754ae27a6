// Receives a backup's bytes: counts and hashes them, and gives up when the client stalls or goes away.
import { setImmediate } from "node:timers/promises";
import { Failure } from "../../../errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import { patienceMs } from "../../../values/pace.ts";
import type { Progress } from "../../../values/pace.ts";
import { FIRST_BYTES } from "./encryption.ts";

interface ReceptionOptions {
  clock: Clock;
  /** More is a 413. */
  maxBytes: number;
  /** Declared by the client; a different length is a 400. */
  length: number | undefined;
  /** Hex, declared by the client; a different hash is a 422. */
  sha256: string | undefined;
  /** A client that sends nothing for this long, or falls this far behind the minimum rate, gets a 408. */
  stallMs: number;
}

export interface Reception {
  /** Reads only on demand. Throws before the last chunk is passed on, so that no wrong body is stored whole. */
  body: AsyncGenerator<Uint8Array, void, undefined>;
  /** Hex SHA-256 of all bytes, known once the body was read to its end. */
  sha256(): string;
  /** The first bytes received, at most FIRST_BYTES. */
  first(): Uint8Array;
}

/** Yields to other requests at least this often, however fast the body comes. */
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
    if (size === 0) throw new Failure("backup.empty", 400, "the backup is empty");
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
  const progress: Progress = { receivedBytes: 0, waitedMs: 0 };
  let patience = stallMs;
  let waitingSinceMs: number | undefined;
  let givenUp: Failure | undefined;
  let cancelTimer = () => {};
  const waited = () => (waitingSinceMs === undefined ? 0 : clock.now().getTime() - waitingSinceMs);
  const watch = (ms: number) => {
    cancelTimer = clock.after(ms, () => {
      const leftMs = patience - waited();
      if (leftMs > 0 || waitingSinceMs === undefined) return watch(Math.max(leftMs, 1_000));
      givenUp = patience < stallMs ? tooSlow() : stalled();
      // Ends the read that waits.
      reader.cancel().catch(() => {});
    });
  };
  watch(stallMs);
  let ended = false;
  try {
    for (;;) {
      patience = patienceMs(progress, stallMs);
      waitingSinceMs = clock.now().getTime();
      const { done, value } = await reader.read();
      progress.waitedMs += Math.min(patience, Math.max(0, waited()));
      waitingSinceMs = undefined;
      if (givenUp) throw givenUp;
      ended = done;
      if (done) return;
      progress.receivedBytes += value.byteLength;
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

const stalled = () => new Failure("request.stalled", 408, "the upload stalled");
const tooSlow = () => new Failure("request.slow", 408, "the upload comes too slowly");
const mismatch = () => new Failure("backup.length", 400, "upload length mismatch");

export const tooLarge = (maxBytes: number) =>
  new Failure("backup.too_large", 413, "backup exceeds max upload size", { data: { max_bytes: maxBytes } });
