// Authorization headers, secrets, registrations and the body's encoding: read as they were written, or refused in words.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Registration } from "../../src/domains/systems/schema.ts";
import { createSecret, parseSecret, verifySecret } from "../../src/domains/systems/credentials/secret.ts";
import { Failure } from "../../src/errors.ts";
import { openBodyReader } from "../../src/http/edge/body.ts";
import { readBasic, readBearer } from "../../src/http/edge/credentials.ts";
import { FUZZ_MS, anyText, forAll, forAllAsync, parsedOr } from "../support/fuzz.ts";
import { testClock } from "../support/clock.ts";

const MAX_BYTES = 4_096;

test(
  "a Basic header is read as it was made, with every colon but the first in the secret",
  () =>
    forAll(fc.tuple(fc.string({ maxLength: 60 }), fc.string({ maxLength: 100 })), ([name, secret]) => {
      const key = name.replaceAll(":", "");
      const header = `Basic ${Buffer.from(`${key}:${secret}`).toString("base64")}`;
      expect(readBasic(header, "Basic")).toEqual({ name: key, secret });
    }),
  FUZZ_MS,
);

test(
  "any other header is refused with 401",
  () =>
    forAll(anyText("Basic ", "Bearer ", "=", "YTpi"), (header) => {
      parsedOr(() => readBasic(header, "Basic"), 401);
      const token = parsedOr(() => readBearer(header, "a token is required", "Bearer"), 401);
      if (token !== undefined) expect(token.length).toBeLessThanOrEqual(200);
    }),
  FUZZ_MS,
);

test(
  "only the secret that was made opens, whatever is tried",
  () => {
    const made = createSecret();
    const parts = parseSecret(made.token);
    expect(parts && verifySecret(parts.secret, made.sha256)).toBe(true);
    forAll(anyText("my_", ".", made.public, made.token.slice(0, -1)), (token) => {
      const tried = parseSecret(token);
      if (tried && token !== made.token) expect(verifySecret(tried.secret, made.sha256)).toBe(false);
    });
  },
  FUZZ_MS,
);

test(
  "a body in any encoding is inflated as it was sent, within the limit, or refused",
  async () => {
    const body = openBodyReader({ clock: testClock() });
    const sent = fc.record({
      content: fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 1, max: 20 }).map((kib) => new Uint8Array(kib * 1024)),
      ),
      encoding: fc.constantFrom("identity", "gzip", "zstd", "br", ""),
      damage: fc.option(fc.nat({ max: 400 }), { freq: 3 }),
    });
    await forAllAsync(sent, async ({ content, encoding, damage }) => {
      const packed =
        encoding === "gzip" ? Bun.gzipSync(content) : encoding === "zstd" ? Bun.zstdCompressSync(content) : content;
      const bytes = new Uint8Array(packed);
      if (damage !== null && damage < bytes.length) bytes[damage] = (bytes[damage] ?? 0) ^ 0x55;
      const request = new Request("http://localhost/", {
        method: "POST",
        headers: encoding ? { "content-encoding": encoding } : {},
        body: bytes,
      });
      let failure: unknown;
      const read = await body
        .bytes(request, MAX_BYTES, { verified: "a system" })
        .catch((error: unknown) => void (failure = error));
      if (failure !== undefined) parsedOr(() => raise(failure), 400, 413, 415);
      else if (damage === null) expect(Buffer.compare(Buffer.from(read ?? []), Buffer.from(content))).toBe(0);
      if (read) expect(read.byteLength).toBeLessThanOrEqual(MAX_BYTES);
    });
  },
  FUZZ_MS,
);

test(
  "a registration is read as JSON.parse reads it, or its fault is named",
  async () => {
    const body = openBodyReader({ clock: testClock() });
    const sent = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
      fc
        .record({ system_secret: fc.oneof(fc.string(), fc.jsonValue({ maxDepth: 1 })), other: fc.jsonValue() })
        .map((value) => JSON.stringify(value)),
      anyText("{", "}", '"system_secret"', ":", '"my_'),
    );
    await forAllAsync(sent, async (text) => {
      const request = new Request("http://localhost/", { method: "POST", body: text });
      let failure: unknown;
      const read = await body
        .json(request, Registration, { verified: "a system" })
        .catch((error: unknown) => void (failure = error));
      if (failure !== undefined) parsedOr(() => raise(failure), 400);
      else expect(read).toEqual(JSON.parse(text.toWellFormed()));
    });
  },
  FUZZ_MS,
);

test("a refused secret is not shown to whoever sent it", async () => {
  const body = openBodyReader({ clock: testClock() });
  const secret = "my_hidden".repeat(200);
  const request = new Request("http://localhost/", { method: "POST", body: JSON.stringify({ system_secret: secret }) });
  const failure = await body.json(request, Registration, { verified: "a system" }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Failure);
  expect(JSON.stringify([String(failure), (failure as Failure).data])).not.toContain("my_hidden");
});

function raise(error: unknown): never {
  throw error;
}
