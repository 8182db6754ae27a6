// Who must keep the contract of object stores, and what only one of them can show.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { HeadObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openDirectory } from "../../src/adapters/directory/objects.ts";
import { openS3 } from "../../src/adapters/s3/objects.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { chunksOf, failureOf, objectsContract } from "../contract/objects.ts";
import { temporaryDirectory } from "../support/run.ts";
import { openTestS3, s3IsMissing } from "../support/s3.ts";
import type { TestS3 } from "../support/s3.ts";

const PUT = { contentType: "application/octet-stream", metadata: () => ({}) };

objectsContract("directory", async () => {
  const directory = temporaryDirectory("objects");
  return {
    objects: openDirectory(join(directory, "objects")),
    close: async () => rmSync(directory, { recursive: true, force: true }),
  };
});

describe("a directory", () => {
  const directory = temporaryDirectory("objects");
  const objects = openDirectory(join(directory, "objects"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }), 60_000);

  test("keeps what it makes from everybody else", async () => {
    await objects.put("org/system/one", chunksOf(new Uint8Array([1]), 1), { ...PUT, length: 1 });
    expect(statSync(join(directory, "objects/org/system/one")).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, "objects/org/system")).mode & 0o777).toBe(0o700);
  }, 240_000);

  test("forgets files of uploads that were cut off a day ago, and no younger ones", async () => {
    const unfinished = join(directory, "objects/.unfinished");
    writeFileSync(join(unfinished, "old"), "x");
    writeFileSync(join(unfinished, "young"), "x");
    utimesSync(join(unfinished, "old"), new Date(), new Date(Date.now() - 90_000_000));
    expect(await objects.clearRemains(new Date(Date.now() - 86_400_000))).toBe(1);
    expect(readdirSync(unfinished)).toEqual(["young"]);
  }, 240_000);

  test("says what is wrong when it cannot be written", async () => {
    const file = join(directory, "a-file");
    writeFileSync(file, "x");
    expect(await failureOf(openDirectory(join(file, "objects")).check())).toMatchObject({ status: 503 });
    if (process.getuid?.() === 0) return;
    const closed = join(directory, "closed");
    mkdirSync(closed);
    chmodSync(closed, 0o500);
    expect(await failureOf(openDirectory(closed).check())).toMatchObject({ status: 503 });
  }, 240_000);

  test("a check before the first upload makes nothing", async () => {
    const path = join(directory, "later/objects");
    expect(await openDirectory(path).check()).toBeUndefined();
    expect(readdirSync(directory)).not.toContain("later");
  }, 240_000);
});

const missing = s3IsMissing();
describe.skipIf(missing)("S3 (radosgw)", () => {
  let s3: TestS3;
  beforeAll(async () => {
    s3 = await openTestS3();
  }, 180_000);

  const openBucket = async (lock = false) => {
    const bucket = await s3.createBucket({ lock });
    return { bucket, objects: openS3({ ...s3, bucket, region: "us-east-1", pathStyle: true, clock: systemClock() }) };
  };
  const clientOf = () =>
    new S3Client({
      endpoint: s3.endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: s3.accessKey, secretAccessKey: s3.secretKey },
    });

  objectsContract(
    "S3",
    async () => {
      const { objects } = await openBucket();
      return { objects, close: () => objects.close() };
    },
    180_000,
  );

  objectsContract(
    "S3 with object lock, which keeps every version",
    async () => {
      const { objects } = await openBucket(true);
      return { objects, close: () => objects.close() };
    },
    180_000,
  );

  test.each([100, 6 * 1024 ** 2])(
    "says on the object itself what it is: %d bytes",
    async (size) => {
      const { objects, bucket } = await openBucket();
      const bytes = new Uint8Array(size).fill(7);
      const metadata = { sha256: Bun.SHA256.hash(bytes, "hex"), filename: "dump.gpg", "uploader-ip": "10.0.0.1" };
      const options = { length: size, contentType: "application/pgp-encrypted", metadata: () => metadata };
      await objects.put("org=20one/system/x.gpg", chunksOf(bytes, 100_000), options);
      const head = await clientOf().send(new HeadObjectCommand({ Bucket: bucket, Key: "org=20one/system/x.gpg" }));
      expect(head.Metadata).toEqual(metadata);
      expect(head.ContentType).toBe("application/pgp-encrypted");
      await objects.close();
    },
    240_000,
  );

  test("a locked object cannot be removed before its time, by anybody", async () => {
    const { objects, bucket } = await openBucket(true);
    const retainUntil = new Date(Date.now() + 3_600_000);
    await objects.put("o/s/locked", chunksOf(new Uint8Array(10), 5), { ...PUT, length: 10, retainUntil });
    const head = await clientOf().send(new HeadObjectCommand({ Bucket: bucket, Key: "o/s/locked" }));
    expect(head.ObjectLockRetainUntilDate?.getTime()).toBeGreaterThan(Date.now() + 3_000_000);
    expect(await failureOf(objects.remove("o/s/locked"))).toMatchObject({ status: 502 });
    expect(await objects.head("o/s/locked")).toMatchObject({ size: 10 });
    await objects.close();
  }, 240_000);

  test("a bucket that is not there, a wrong key and a closed port are told apart from a missing object", async () => {
    const { bucket } = await openBucket();
    const options = { ...s3, bucket, region: "us-east-1", pathStyle: true, clock: systemClock() };
    const noBucket = openS3({ ...options, bucket: "nowhere-to-be-found" });
    expect(await failureOf(noBucket.get("a/b"))).toMatchObject({ code: "storage.unavailable" });
    const wrongKey = openS3({ ...options, secretKey: "wrong" });
    expect(await failureOf(wrongKey.get("a/b"))).toMatchObject({ code: "storage.failed", status: 502 });
    const closed = openS3({ ...options, endpoint: "http://127.0.0.1:1" });
    expect(await failureOf(closed.get("a/b"))).toMatchObject({ code: "storage.unavailable", status: 503 });
    expect(await failureOf(closed.check())).toMatchObject({ status: 503 });
  }, 240_000);
});
