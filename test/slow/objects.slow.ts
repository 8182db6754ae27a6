// Lists more objects than a page of S3 holds.
import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { openDirectory } from "../../src/adapters/directory/objects.ts";
import { openS3 } from "../../src/adapters/s3/objects.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { chunksOf } from "../contract/objects.ts";
import type { ObjectStore } from "../../src/ports/objects.ts";
import { temporaryDirectory } from "../support/run.ts";
import { openTestS3, s3IsMissing } from "../support/s3.ts";

const TEST_MS = 240_000;
/** A page has 1,000. */
const OBJECTS = 1_050;
const AT_ONCE = 50;

async function listsPastOnePage(objects: ObjectStore): Promise<void> {
  const root = crypto.randomUUID();
  const many = Array.from({ length: OBJECTS }, (_, index) => `${root}/many/${String(index).padStart(5, "0")}`);
  const options = { length: 1, contentType: "application/octet-stream", metadata: () => ({}) };
  const put = (key: string) => objects.put(key, chunksOf(new Uint8Array([1]), 1), options);
  for (let start = 0; start < many.length; start += AT_ONCE)
    await Promise.all(many.slice(start, start + AT_ONCE).map(put));
  const listed = await Array.fromAsync(objects.list(`${root}/many/`));
  expect(listed.map((one) => one.key)).toEqual(many);
  await objects.close();
}

test(
  "a directory",
  async () => {
    const directory = temporaryDirectory("objects");
    await listsPastOnePage(openDirectory(join(directory, "objects")));
    rmSync(directory, { recursive: true, force: true });
  },
  TEST_MS,
);

describe.skipIf(s3IsMissing())("S3 (radosgw)", () => {
  test.each([false, true])(
    "with object lock: %p",
    async (lock) => {
      const s3 = await openTestS3();
      const bucket = await s3.createBucket({ lock });
      const clock = systemClock();
      await listsPastOnePage(openS3({ ...s3, bucket, region: "us-east-1", pathStyle: true, clock }));
    },
    TEST_MS,
  );
});
