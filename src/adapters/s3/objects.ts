// Implements the ObjectStore port on any S3.
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  ListObjectsV2Command,
  PutObjectRetentionCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { Readable } from "node:stream";
import type { Clock } from "../../ports/clock.ts";
import { checkKey, checkPrefix } from "../../ports/objects.ts";
import type { ObjectStore, StoredObject } from "../../ports/objects.ts";
import { openCall } from "./call.ts";
import { conflict, isMissing, s3Failure } from "./failures.ts";
import { openFeatures } from "./features.ts";
import { openPut } from "./put.ts";
import { watchStore } from "./watch.ts";

interface S3Options {
  endpoint: string;
  accessKey: string;
  secretKey: string;
  bucket: string;
  region: string;
  /** Bucket in the path instead of the host name. */
  pathStyle: boolean;
  clock: Clock;
}

const CONNECT_TIMEOUT_MS = 5_000;
const PATIENCE_MS = 15_000;
const READ_PATIENCE_MS = 30_000;
const PAGE = 1_000;

export function openS3({ endpoint, accessKey, secretKey, bucket, region, pathStyle, clock }: S3Options): ObjectStore {
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: pathStyle,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    // The default adds trailers that many stores do not support; Muster hashes and verifies backups itself.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS },
    maxAttempts: 2,
    // Keeps the SDK from writing to the console; errors are thrown.
    logger: { trace() {}, debug() {}, info() {}, warn() {}, error() {} },
  });
  const call = openCall({ client, clock, patienceMs: PATIENCE_MS });
  const features = openFeatures(call, bucket);
  const put = openPut({ client, bucket, clock });

  const retain = async (key: string, until: Date) => {
    if (!(await features()).lockable) return;
    const Retention = { Mode: "GOVERNANCE", RetainUntilDate: until } as const;
    await call((to) => to.send(new PutObjectRetentionCommand({ Bucket: bucket, Key: key, Retention })));
  };

  const head = async (key: string): Promise<StoredObject | undefined> => {
    const command = new HeadObjectCommand({ Bucket: bucket, Key: checkKey(key) });
    try {
      const { ContentLength: size = 0 } = await call((to) => to.send(command));
      return { key, size };
    } catch (error) {
      return unlessMissing(error);
    }
  };

  const remove = async (key: string): Promise<void> => {
    if (!(await features()).versioned) {
      await call((to) => to.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })));
      return;
    }
    // A delete without a version id only hides the object and keeps its bytes.
    const found = await call((to) =>
      to.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: key, MaxKeys: PAGE })),
    );
    for (const { Key, VersionId } of [...(found.Versions ?? []), ...(found.DeleteMarkers ?? [])])
      if (Key === key) await call((to) => to.send(new DeleteObjectCommand({ Bucket: bucket, Key, VersionId })));
  };

  async function* list(prefix: string): AsyncGenerator<StoredObject, void, undefined> {
    for (let token: string | undefined; ;) {
      const page = await call((to) =>
        to.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: PAGE, ContinuationToken: token })),
      );
      for (const { Key: key, Size: size } of page.Contents ?? []) if (key !== undefined) yield { key, size: size ?? 0 };
      if (!page.IsTruncated || page.NextContinuationToken === undefined) return;
      token = page.NextContinuationToken;
    }
  }

  return {
    describe: `S3 ${endpoint}, bucket ${bucket}`,

    async put(key, body, options) {
      // A versioned bucket may ignore If-None-Match: a second put would hide the first object.
      if ((await features()).versioned && (await head(key))) throw conflict(key);
      const size = await put(checkKey(key), body, options);
      if (options.retainUntil) await retain(key, options.retainUntil);
      return size;
    },

    async get(key, range) {
      const Range = range && `bytes=${range.first}-${range.last}`;
      const watch = watchStore(clock, READ_PATIENCE_MS);
      try {
        const command = new GetObjectCommand({ Bucket: bucket, Key: checkKey(key), Range });
        const { Body } = await client.send(command, { abortSignal: watch.signal });
        if (!(Body instanceof Readable)) throw new Error("S3 answered without a body.");
        return streamOf(Body, watch);
      } catch (error) {
        watch.end();
        if (isMissing(error)) return undefined;
        throw s3Failure(watch.reason() ?? error);
      }
    },

    head,
    list: (prefix) => list(checkPrefix(prefix)),
    remove: async (key) => remove(checkKey(key)),
    room: async () => undefined,

    async clearRemains(before) {
      let cleared = 0;
      const { Uploads = [] } = await call((to) => to.send(new ListMultipartUploadsCommand({ Bucket: bucket })));
      for (const { Key, UploadId, Initiated } of Uploads) {
        if (!Key || !Initiated || Initiated >= before) continue;
        const abort = new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId });
        await call((to) => to.send(abort)).catch(unlessMissing);
        cleared += 1;
      }
      return cleared;
    },

    async check() {
      await call((to) => to.send(new HeadBucketCommand({ Bucket: bucket })));
      return undefined;
    },

    async close() {
      client.destroy();
    },
  };
}

function unlessMissing(error: unknown): undefined {
  if (!isMissing(error instanceof Error ? error.cause : undefined)) throw error;
}

/** Reads as fast as the consumer takes; a store that stops half-way is an error, not an end. */
function streamOf(body: Readable, watch: ReturnType<typeof watchStore>): ReadableStream<Uint8Array> {
  watch.signal.addEventListener("abort", () => body.destroy(), { once: true });
  body.on("error", () => {});
  const chunks: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        watch.storesTurn();
        try {
          const { done, value } = await chunks.next();
          if (watch.reason() !== undefined) throw watch.reason();
          watch.clientsTurn();
          if (!done) return controller.enqueue(value);
          watch.end();
          controller.close();
        } catch (error) {
          watch.end();
          controller.error(s3Failure(error));
        }
      },
      cancel() {
        watch.end();
        body.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}
