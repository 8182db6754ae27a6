// What every ObjectStore adapter promises.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Failure } from "../../src/errors.ts";
import type { ObjectStore, PutOptions } from "../../src/ports/objects.ts";

export interface ObjectsFixture {
  objects: ObjectStore;
  close(): Promise<void>;
}

const MB = 1024 ** 2;

export function objectsContract(name: string, open: () => Promise<ObjectsFixture>, timeoutMs = 30_000): void {
  describe(`objects contract: ${name}`, () => {
    let fixture: ObjectsFixture;
    beforeAll(async () => {
      fixture = await open();
    }, timeoutMs);
    afterAll(() => fixture.close(), 60_000);

    const options = (length: number | undefined): PutOptions => ({
      length,
      contentType: "application/octet-stream",
      metadata: () => ({ sha256: "00", filename: "dump.gpg" }),
    });
    const put = (key: string, bytes: Uint8Array, chunkBytes = 100_000, length: number | undefined = bytes.length) =>
      fixture.objects.put(key, chunksOf(bytes, chunkBytes), options(length));
    const read = async (key: string, range?: { first: number; last: number }) => {
      const stream = await fixture.objects.get(key, range);
      return stream && new Uint8Array(await new Response(stream).arrayBuffer());
    };
    const newKey = () => `org/${crypto.randomUUID()}/${crypto.randomUUID()}.gpg`;
    const keysOf = async (prefix: string) =>
      (await Array.fromAsync(fixture.objects.list(prefix))).map((one) => one.key);

    test.each([1, 70_000, 9 * MB + 1])(
      "gives back what was put, to the byte: %d bytes",
      async (size) => {
        const bytes = randomBytes(size);
        const key = newKey();
        expect(await put(key, bytes)).toBe(size);
        expect(Buffer.compare((await read(key)) ?? new Uint8Array(), bytes)).toBe(0);
        expect(await fixture.objects.head(key)).toEqual({ key, size });
      },
      240_000,
    );

    test("takes a body whose length nobody knows, small or past a part", async () => {
      for (const size of [3, 9 * MB + 1]) {
        const bytes = randomBytes(size);
        const key = newKey();
        expect(await put(key, bytes, 300_000, undefined)).toBe(size);
        expect(Buffer.compare((await read(key)) ?? new Uint8Array(), bytes)).toBe(0);
      }
    }, 240_000);

    test("keeps the bytes as they are, whatever way they are cut", async () => {
      const bytes = randomBytes(10_007);
      for (const chunkBytes of [1, 7, 4096, 10_006, 20_000]) {
        const key = newKey();
        await put(key, bytes, chunkBytes);
        expect(Buffer.compare((await read(key)) ?? new Uint8Array(), bytes)).toBe(0);
      }
    }, 240_000);

    test("gives any range of an object", async () => {
      const bytes = randomBytes(100_000);
      const key = newKey();
      await put(key, bytes);
      for (const [first, last] of [
        [0, 0],
        [99_999, 99_999],
        [10, 70_000],
        [0, 99_999],
      ] as const)
        expect(
          Buffer.compare((await read(key, { first, last })) ?? new Uint8Array(), bytes.slice(first, last + 1)),
        ).toBe(0);
    }, 240_000);

    test("knows nothing of what is not there", async () => {
      const key = newKey();
      expect(await fixture.objects.get(key)).toBeUndefined();
      expect(await fixture.objects.head(key)).toBeUndefined();
      await fixture.objects.remove(key);
    }, 240_000);

    test("refuses to put over an object, and leaves it as it was", async () => {
      for (const size of [10, 5 * MB]) {
        const key = newKey();
        const bytes = randomBytes(size);
        await put(key, bytes);
        expect(await failureOf(put(key, randomBytes(size)))).toMatchObject({ code: "objects.exists" });
        expect(Buffer.compare((await read(key)) ?? new Uint8Array(), bytes)).toBe(0);
      }
    }, 240_000);

    test("leaves nothing of a body that breaks, wherever it breaks", async () => {
      for (const size of [200_000, 6 * MB]) {
        for (const at of [0, 0.3, 0.99, 1]) {
          const key = newKey();
          const broken = breaking(randomBytes(size), Math.floor(size * at));
          const failure = await failureOf(fixture.objects.put(key, broken, options(size)));
          expect(failure).toMatchObject({ code: "test.broken" });
          expect(await fixture.objects.head(key)).toBeUndefined();
          expect(await keysOf(`${key.slice(0, key.lastIndexOf("/"))}/`)).toEqual([]);
        }
      }
    }, 240_000);

    test("leaves nothing of a body without a length that breaks after a part", async () => {
      const key = newKey();
      const broken = breaking(randomBytes(18 * MB), 17 * MB);
      expect(await failureOf(fixture.objects.put(key, broken, options(undefined)))).toMatchObject({
        code: "test.broken",
      });
      expect(await fixture.objects.head(key)).toBeUndefined();
      expect(await fixture.objects.clearRemains(new Date("2100-01-01"))).toBe(0);
    }, 240_000);

    test("refuses a body that is shorter or longer than was said, and leaves nothing of it", async () => {
      for (const size of [1000, 5 * MB]) {
        for (const said of [size - 1, size + 1]) {
          const key = newKey();
          expect(await failureOf(put(key, randomBytes(size), 70_000, said))).toMatchObject({ code: "objects.length" });
          expect(await fixture.objects.head(key)).toBeUndefined();
        }
      }
    }, 240_000);

    test("lists by prefix, in byte order", async () => {
      const root = crypto.randomUUID();
      const keys = ["a-b/x", "a/x", "a/y", "a.b/x", "a=20/x", "b/x"].map((tail) => `${root}/${tail}`);
      for (const key of keys) await put(key, randomBytes(3));
      expect(await fixture.objects.list(`${root}/`)[Symbol.asyncIterator]().next()).toMatchObject({
        value: { size: 3 },
      });
      expect(await keysOf(`${root}/`)).toEqual([...keys].sort((a, b) => (a < b ? -1 : 1)));
      expect(await keysOf(`${root}/a/`)).toEqual([`${root}/a/x`, `${root}/a/y`]);
      expect(await keysOf(`${root}/nobody/`)).toEqual([]);
    }, 240_000);

    test("removes, and removing again is quiet", async () => {
      const key = newKey();
      await put(key, randomBytes(100));
      await fixture.objects.remove(key);
      expect(await fixture.objects.get(key)).toBeUndefined();
      await fixture.objects.remove(key);
    }, 240_000);

    test.each([
      "",
      "/",
      "../x",
      "a/../b",
      "a//b",
      "/a",
      "a/",
      "a/./b",
      "a\0b",
      "a\\b",
      "a b",
      "ü/x",
      ".hidden/x",
      "a/.unfinished",
      "x".repeat(201),
      `${"a/".repeat(500)}b`,
    ])(
      "refuses the key %j",
      async (key) => {
        expect(await failureOf(put(key, randomBytes(1)))).toMatchObject({ code: "objects.key" });
        expect(await failureOf(fixture.objects.get(key))).toMatchObject({ code: "objects.key" });
        expect(await failureOf(fixture.objects.head(key))).toMatchObject({ code: "objects.key" });
        expect(await failureOf(fixture.objects.remove(key))).toMatchObject({ code: "objects.key" });
      },
      240_000,
    );

    test("a reader that leaves early leaves nothing open", async () => {
      const key = newKey();
      await put(key, randomBytes(6 * MB));
      for (let round = 0; round < 50; round += 1) {
        const reader = (await fixture.objects.get(key))?.getReader();
        expect((await reader?.read())?.value?.byteLength).toBeGreaterThan(0);
        await reader?.cancel();
      }
      expect((await read(key))?.byteLength).toBe(6 * MB);
    }, 240_000);

    test("says that it can be used", async () => {
      expect(await fixture.objects.check()).toBeUndefined();
    }, 240_000);
  });
}

export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error;
  }
}

export async function* chunksOf(bytes: Uint8Array, size: number) {
  for (let start = 0; start < bytes.byteLength; start += size) yield bytes.slice(start, start + size);
}

async function* breaking(bytes: Uint8Array, at: number) {
  yield* chunksOf(bytes.slice(0, at), 64 * 1024);
  throw new Failure("test.broken", 400, "broken");
}

function randomBytes(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let start = 0; start < size; start += 65_536) crypto.getRandomValues(bytes.subarray(start, start + 65_536));
  return bytes;
}
