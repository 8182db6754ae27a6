// Puts a body into S3: small ones whole, others as a stream whose metadata follows in a second call.
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  DeleteObjectCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import type { S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { Readable } from "node:stream";
import type { Clock } from "../../ports/clock.ts";
import { exactly } from "../../ports/objects.ts";
import type { PutOptions } from "../../ports/objects.ts";
import { s3Failure } from "./failures.ts";
import { watchStore } from "./watch.ts";
import type { Watch } from "./watch.ts";

interface PutDeps {
  client: S3Client;
  bucket: string;
  clock: Clock;
}

/** A store that takes nothing, or does not answer, for this long is given up. */
const PATIENCE_MS = 30_000;
const ABORT_PATIENCE_MS = 5_000;
/** Longer, since the store copies the whole object. */
const COPY_PATIENCE_MS = 300_000;
/** Bodies up to this size are held in memory until the hash is known, so that one request is enough; most backups are smaller. */
const WHOLE_BYTES = 4 * 1024 ** 2;
/** Limit of all held bodies together; beyond it they are streamed like large ones. */
const WHOLE_BUDGET_BYTES = 64 * 1024 ** 2;
const PART_BYTES = 8 * 1024 ** 2;

type Put = (key: string, body: AsyncIterable<Uint8Array>, options: PutOptions) => Promise<number>;

export function openPut({ client, bucket, clock }: PutDeps): Put {
  let heldBytes = 0;

  return async (key, body, options) => {
    const { length } = options;
    if (length !== undefined && length <= WHOLE_BYTES && heldBytes + length <= WHOLE_BUDGET_BYTES) {
      heldBytes += length;
      try {
        return await putWhole(key, await gather(exactly(body, length), length), options);
      } finally {
        heldBytes -= length;
      }
    }
    const { size, versionId } = await putStream(key, exactly(body, length), options);
    await addMetadata(key, versionId, options);
    return size;
  };

  async function putWhole(key: string, bytes: Uint8Array, { contentType, metadata }: PutOptions): Promise<number> {
    const command = new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: bytes,
      ContentType: contentType,
      ContentMD5: Bun.MD5.hash(bytes, "base64"),
      Metadata: metadata(),
      IfNoneMatch: "*",
    });
    await watched(PATIENCE_MS, ({ signal }) => client.send(command, { abortSignal: signal }));
    return bytes.byteLength;
  }

  async function putStream(key: string, body: AsyncIterable<Uint8Array>, { length, contentType }: PutOptions) {
    let size = 0;
    return watched(PATIENCE_MS, async (watch) => {
      const stream = Readable.from(
        handedOver(body, watch, (bytes) => (size += bytes)),
        { objectMode: false },
      );
      // The watch reports the failure; without a listener it would end the process.
      stream.on("error", () => {});
      const object = { Bucket: bucket, Key: key, Body: stream, ContentType: contentType, IfNoneMatch: "*" };
      const sent =
        length === undefined
          ? await uploadParts(object, watch)
          : await client.send(new PutObjectCommand({ ...object, ContentLength: length }), {
              abortSignal: watch.signal,
            });
      return { size, versionId: sent.VersionId };
    });
  }

  /** S3 takes a body of unknown length only as parts of known length. */
  async function uploadParts(params: ConstructorParameters<typeof Upload>[0]["params"], { signal }: Watch) {
    const upload = new Upload({ client, params, partSize: PART_BYTES, queueSize: 1, leavePartsOnError: false });
    const abort = () => void upload.abort();
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await upload.done();
    } catch (error) {
      await abandonParts(params.Key, upload.uploadId);
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** The uploader does so too, but does not say when it is done. `clearRemains` removes what this misses. */
  async function abandonParts(key: string | undefined, uploadId: string | undefined): Promise<void> {
    if (uploadId === undefined) return;
    const command = new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId });
    await watched(ABORT_PATIENCE_MS, ({ signal }) => client.send(command, { abortSignal: signal })).catch(() => {});
  }

  /** Sets the metadata, which is only known at the end of a stream, in a second call; no listing shows metadata, so the gap is not seen. */
  async function addMetadata(key: string, versionId: string | undefined, { contentType, metadata }: PutOptions) {
    const copy = new CopyObjectCommand({
      Bucket: bucket,
      Key: key,
      CopySource: `${bucket}/${key.split("/").map(encodeURIComponent).join("/")}`,
      MetadataDirective: "REPLACE",
      ContentType: contentType,
      Metadata: metadata(),
    });
    await watched(COPY_PATIENCE_MS, ({ signal }) => client.send(copy, { abortSignal: signal }));
    if (versionId === undefined) return;
    const first = new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId });
    await watched(PATIENCE_MS, ({ signal }) => client.send(first, { abortSignal: signal }));
  }

  async function watched<Result>(patienceMs: number, work: (watch: Watch) => Promise<Result>): Promise<Result> {
    const watch = watchStore(clock, patienceMs);
    try {
      return await work(watch);
    } catch (error) {
      throw s3Failure(watch.reason() ?? error);
    } finally {
      watch.end();
    }
  }
}

/** Passes the body to S3 and tells the watch whose turn it is; a body that fails ends the request. */
async function* handedOver(
  body: AsyncIterable<Uint8Array>,
  watch: Watch,
  count: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    watch.clientsTurn();
    for await (const chunk of body) {
      watch.storesTurn();
      count(chunk.byteLength);
      yield chunk;
      watch.clientsTurn();
    }
    watch.storesTurn();
  } catch (error) {
    watch.giveUp(error);
    throw error;
  }
}

async function gather(body: AsyncIterable<Uint8Array>, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let size = 0;
  for await (const chunk of body) {
    bytes.set(chunk, size);
    size += chunk.byteLength;
  }
  return bytes;
}
