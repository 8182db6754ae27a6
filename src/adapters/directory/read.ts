// Reads a file, or a range of it, as fast as it is taken.
import { open } from "node:fs/promises";
import type { ByteRange } from "../../ports/objects.ts";

const READ_BYTES = 256 * 1024;

export async function readFile(path: string, range: ByteRange | undefined): Promise<ReadableStream<Uint8Array>> {
  const file = await open(path, "r");
  let position = range?.first ?? 0;
  const end = range ? range.last + 1 : Infinity;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { buffer, bytesRead } = await file.read({
            buffer: new Uint8Array(Math.min(READ_BYTES, end - position)),
            position,
          });
          position += bytesRead;
          if (bytesRead > 0) controller.enqueue(buffer.subarray(0, bytesRead));
          if (bytesRead > 0 && position < end) return;
          await file.close();
          controller.close();
        } catch (error) {
          await file.close().catch(() => {});
          controller.error(error);
        }
      },
      cancel: () => file.close(),
    },
    { highWaterMark: 0 },
  );
}
