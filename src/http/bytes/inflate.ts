// Unpacks bodies that come packed, chunk by chunk, so that a bomb is noticed before it is there.
import { Failure } from "../../errors.ts";
import { shown } from "../../values/shown.ts";
import type { Wire } from "./wire.ts";

const FORMATS: Record<string, Bun.CompressionFormat> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  zstd: "zstd",
  deflate: "deflate",
};

/** How a body is packed; undefined when it is not, a Failure 415 when the encoding is unknown. */
export function formatOf({ headers }: Request): Bun.CompressionFormat | undefined {
  const encoding = (headers.get("content-encoding") ?? "identity").trim().toLowerCase();
  if (encoding === "identity" || encoding === "") return undefined;
  if (Object.hasOwn(FORMATS, encoding)) return FORMATS[encoding];
  throw new Failure("request.encoding", 415, `Content-Encoding must be gzip or zstd, got ${shown(encoding, 42)}`);
}

/** The body, unpacked. The wire bounds the packed bytes: a few of them may be very many. */
export function inflate(wire: Wire, format: Bun.CompressionFormat): Wire {
  let fault: unknown;
  const packed = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const chunk = await wire.next();
          if (chunk) controller.enqueue(new Uint8Array(chunk));
          else controller.close();
        } catch (error) {
          fault = error;
          controller.error(error);
        }
      },
      cancel: () => wire.cancel(),
    },
    { highWaterMark: 0 },
  );
  const reader = packed.pipeThrough(new DecompressionStream(format)).getReader();
  return {
    async next() {
      try {
        return (await reader.read()).value;
      } catch (error) {
        // What went wrong on the wire reaches the reader as what it did to the data.
        throw fault ?? error;
      }
    },
    cancel: () => void reader.cancel().catch(() => {}),
  };
}
