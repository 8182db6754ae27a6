// Gives tests buckets of an S3 of the run's own, which its keeper starts when the first test wants it.
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { missingPrograms } from "./ceph.ts";
import type { S3Place } from "./ceph.ts";
import { askKeeper } from "./keeping.ts";

export interface TestS3 extends S3Place {
  /** A new one each time, with object lock if asked for. */
  createBucket(options?: { lock?: boolean }): Promise<string>;
}

/** Says plainly why tests on S3 are skipped; where services are required, that is a failure. */
export function s3IsMissing(): boolean {
  const missing = missingPrograms();
  if (missing.length === 0) return false;
  const words = `S3 is not tested: ${missing.join(", ")} not found (Debian: radosgw ceph-mon ceph-osd)`;
  if (process.env["REQUIRE_SERVICES"] === "1") throw new Error(words);
  console.warn(words);
  return true;
}

export async function openTestS3(): Promise<TestS3> {
  const place: S3Place = JSON.parse(await askKeeper("s3"));
  return { ...place, createBucket: (options) => createBucket(place, options) };
}

async function createBucket({ endpoint, accessKey, secretKey }: S3Place, { lock = false } = {}): Promise<string> {
  const client = new S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  });
  const Bucket = `test-${crypto.randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: lock }));
  client.destroy();
  return Bucket;
}
