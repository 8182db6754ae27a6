// Bodies: read whole, but never more than is wanted, of whatever encoding, and never for ever.
import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { gzipSync, zstdCompressSync } from "bun";
import { deflateSync } from "node:zlib";
import { Failure } from "../../src/errors.ts";
import { openBodyReader } from "../../src/http/edge/body.ts";
import { testClock } from "../support/clock.ts";
import { cpuOf } from "../support/cpu.ts";

const MB = 1024 ** 2;
const SENDER = { verified: "a system" };
type Body = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

const post = (body: Body | undefined, headers: Record<string, string> = {}, signal?: AbortSignal) =>
  new Request("http://localhost/", {
    method: "POST",
    headers,
    ...(body === undefined ? {} : { body }),
    ...(signal ? { signal } : {}),
  });

/** What a read was refused with. */
async function refusal(read: Promise<unknown>): Promise<Failure> {
  const error = await read.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Failure) return error;
  throw new Error(`not refused with a Failure: ${String(error)}`);
}

function chunks(...parts: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async start(controller) {
      for (const part of parts) {
        controller.enqueue(typeof part === "string" ? new TextEncoder().encode(part) : part);
        await Bun.sleep(0);
      }
      controller.close();
    },
  });
}

/** Never ends and never says anything again. */
const stalling = (first: string) =>
  new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new TextEncoder().encode(first)) });

/** A body that comes as it is told. */
function trickle(first?: Uint8Array) {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({ start: (own) => void (controller = own) });
  if (first) controller?.enqueue(first);
  return {
    body,
    send: (text: string) => controller?.enqueue(new TextEncoder().encode(text)),
    end: () => controller?.close(),
  };
}

describe("reading", () => {
  const reader = openBodyReader({ clock: testClock() });
  const text = async (request: Request, maxBytes = 1_000) =>
    new TextDecoder().decode(await reader.bytes(request, maxBytes, SENDER));
  const hello = new TextEncoder().encode("hello");

  test("gives the bytes of whole, chunked, empty and absent bodies", async () => {
    expect(await text(post("hello"))).toBe("hello");
    expect(await text(post(chunks("he", "l", "lo")))).toBe("hello");
    expect(await text(post(""))).toBe("");
    expect(await text(post(undefined))).toBe("");
    expect(await text(post(undefined, { "content-encoding": "gzip" }))).toBe("");
  });

  test("inflates gzip, zstd and deflate, however the encoding is written", async () => {
    expect(await text(post(gzipSync(hello), { "content-encoding": "gzip" }))).toBe("hello");
    expect(await text(post(gzipSync(hello), { "content-encoding": "X-GZIP" }))).toBe("hello");
    expect(await text(post(zstdCompressSync(hello) as Uint8Array<ArrayBuffer>, { "content-encoding": " zstd " }))).toBe(
      "hello",
    );
    expect(await text(post(new Uint8Array(deflateSync(hello)), { "content-encoding": "deflate" }))).toBe("hello");
    expect(await text(post("hello", { "content-encoding": "identity" }))).toBe("hello");
  });

  test("takes a body of exactly the limit, and not one byte more, announced or not", async () => {
    expect(await text(post("x".repeat(10)), 10)).toBe("x".repeat(10));
    for (const request of [post("x".repeat(11)), post(chunks("x".repeat(6), "x".repeat(5)))]) {
      const failure = await refusal(reader.bytes(request, 10, SENDER));
      expect([failure.status, failure.data]).toEqual([413, { max_size_bytes: 10 }]);
    }
    const announced = post(stalling("x"), { "content-length": "11" });
    expect((await refusal(reader.bytes(announced, 10, SENDER))).status).toBe(413);
  });

  test("refuses an encoding that it does not know with 415 that names it", async () => {
    for (const encoding of ["br", "gzip, gzip", "compress", "x".repeat(500)]) {
      const failure = await refusal(reader.bytes(post("x", { "content-encoding": encoding }), 10, SENDER));
      expect(failure.status).toBe(415);
      expect(failure.message).toContain(encoding.slice(0, 40));
      expect(failure.message.length).toBeLessThan(120);
    }
  });

  test("refuses truncated, foreign and over-long compressed data with 400", async () => {
    const gzip = gzipSync(new TextEncoder().encode("x".repeat(5_000)));
    const zstd = zstdCompressSync("x".repeat(5_000)) as Uint8Array<ArrayBuffer>;
    const damaged: [string, Body][] = [
      ["gzip", gzip.slice(0, -4)],
      ["gzip", gzip.slice(0, 5)],
      ["gzip", new Uint8Array()],
      ["gzip", "not gzip at all"],
      ["zstd", zstd.slice(0, -2)],
      ["zstd", "not zstd at all"],
    ];
    for (const [encoding, body] of damaged) {
      const failure = await refusal(reader.bytes(post(body, { "content-encoding": encoding }), MB, SENDER));
      expect([failure.status, failure.message]).toEqual([400, `the body is not valid ${encoding} data`]);
    }
  });

  test("a bomb is refused with 413 after little memory and little work", async () => {
    const zeros = new Uint8Array(256 * MB);
    const bombs: [string, Uint8Array<ArrayBuffer>][] = [
      ["gzip", gzipSync(zeros)],
      ["zstd", zstdCompressSync(zeros) as Uint8Array<ArrayBuffer>],
    ];
    Bun.gc(true);
    for (const [encoding, bomb] of bombs) {
      const before = process.memoryUsage.rss();
      const spentMs = await cpuOf(async () => {
        const failure = await refusal(reader.bytes(post(bomb, { "content-encoding": encoding }), MB, SENDER));
        expect(failure.status).toBe(413);
      });
      expect(spentMs).toBeLessThan(1_000);
      expect(process.memoryUsage.rss() - before).toBeLessThan(64 * MB);
    }
  });

  test("compressed bytes that inflate to nothing are bounded too", async () => {
    const empty = gzipSync(new Uint8Array());
    const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(empty) });
    const failure = await refusal(reader.bytes(post(endless, { "content-encoding": "gzip" }), 10_000, SENDER));
    expect([400, 413]).toContain(failure.status);
  });

  test("a client that went away is told apart from one that sent nonsense", async () => {
    const aborter = new AbortController();
    const read = refusal(reader.bytes(post(stalling("x"), {}, aborter.signal), 100, SENDER));
    aborter.abort();
    const failing = new ReadableStream<Uint8Array>({
      start: (controller) => controller.error(new DOMException("The connection was closed.", "AbortError")),
    });
    const failure = await refusal(reader.bytes(post(failing), 100, SENDER));
    expect([failure.status, failure.code]).toEqual([400, "request.aborted"]);
    void read.catch(() => {});
  });
});

describe("waiting", () => {
  test("a body that says nothing for the stall time is 408, and no timer stays", async () => {
    const clock = testClock();
    const reader = openBodyReader({ clock, stallMs: 5_000 });
    const read = refusal(reader.bytes(post(stalling("x")), 100, SENDER));
    await clock.advance(4_999);
    await clock.advance(2);
    expect((await read).status).toBe(408);
    expect(clock.pending()).toBe(0);
  });

  test("a packed body that stalls is 408 too, not taken for broken data", async () => {
    const clock = testClock();
    const reader = openBodyReader({ clock, stallMs: 5_000 });
    const packed = Buffer.from(gzipSync(new TextEncoder().encode("x".repeat(5_000)))).subarray(0, 12);
    const { body } = trickle(packed);
    const read = refusal(reader.bytes(post(body, { "content-encoding": "gzip" }), 10_000, SENDER));
    await clock.advance(5_001);
    expect((await read).code).toBe("request.stalled");
    expect(clock.pending()).toBe(0);
  });

  test("a body that comes too slowly is 408, though it is never silent for long", async () => {
    for (const isAnnounced of [false, true]) {
      const clock = testClock();
      const reader = openBodyReader({ clock, stallMs: 20_000 });
      const { body, send } = trickle();
      const headers: Record<string, string> = isAnnounced ? { "content-length": "4000" } : {};
      const read = refusal(reader.bytes(post(body, headers), 10_000, SENDER));
      // One byte every 10 seconds: after 20 s of grace, less than 512 a second.
      let seconds = 0;
      for (; clock.pending() > 0 && seconds < 100; seconds += 10) {
        send("x");
        await clock.advance(10_000);
      }
      const failure = await read;
      expect([failure.status, failure.code, failure.headers]).toEqual([408, "request.slow", { connection: "close" }]);
      expect(seconds).toBeWithin(20, 41);
      expect(clock.pending()).toBe(0);
    }
  });

  test("a slow uplink has its time: 64 KB at 600 bytes a second arrive", async () => {
    for (const isAnnounced of [false, true]) {
      const clock = testClock();
      const reader = openBodyReader({ clock });
      const { body, send, end } = trickle();
      const headers: Record<string, string> = isAnnounced ? { "content-length": "64000" } : {};
      const read = reader.bytes(post(body, headers), 64_000, SENDER);
      for (let sent = 0; sent < 64_000; sent += 6_000) {
        await clock.advance(10_000);
        send("x".repeat(Math.min(6_000, 64_000 - sent)));
      }
      end();
      expect((await read).byteLength).toBe(64_000);
    }
  });

  test("bodies that together hold too much are asked to come again, and their share is given back", async () => {
    const clock = testClock();
    const reader = openBodyReader({ clock, budgetBytes: 1_000, stallMs: 5_000 });
    const held = refusal(reader.bytes(post(stalling("x".repeat(500))), 1_000, { verified: "another" }));
    await clock.advance(1);
    const failure = await refusal(reader.bytes(post("y".repeat(300)), 1_000, SENDER));
    expect([failure.status, failure.code, failure.retryAfterSeconds]).toEqual([503, "ingest.busy", 2]);
    expect((await reader.bytes(post("y".repeat(20)), 1_000, SENDER)).byteLength).toBe(20);
    await clock.advance(5_001);
    await held;
    expect((await reader.bytes(post("y".repeat(700)), 1_000, SENDER)).byteLength).toBe(700);
  });

  test("what is announced and has not come counts for nothing", async () => {
    const clock = testClock();
    const reader = openBodyReader({ clock, budgetBytes: 5_000_000, stallMs: 5_000 });
    const unfinished = Array.from({ length: 1_000 }, () =>
      refusal(reader.bytes(post(stalling("x"), { "content-length": "65536" }), MB, { verified: "another" })),
    );
    await clock.advance(1);
    expect((await reader.bytes(post("y".repeat(4_000_000)), 5_000_000, SENDER)).byteLength).toBe(4_000_000);
    expect((await reader.bytes(post("y", { "content-length": "1" }), MB, SENDER)).byteLength).toBe(1);
    await clock.advance(200_000);
    expect(new Set((await Promise.all(unfinished)).map(({ status }) => status))).toEqual(new Set([408]));
    expect(clock.pending()).toBe(0);
  });

  test("one sender's unfinished bodies are 429 for itself, before they are anything for others", async () => {
    const clock = testClock();
    const reader = openBodyReader({ clock, budgetBytes: 100_000, senderBytes: 10_000, stallMs: 5_000 });
    const unfinished = Array.from({ length: 30 }, () =>
      refusal(reader.bytes(post(stalling("x".repeat(1_800))), 5_000, { verified: "greedy" })),
    );
    await clock.advance(1);
    expect((await reader.bytes(post("y".repeat(9_000)), 9_000, SENDER)).byteLength).toBe(9_000);
    await clock.advance(5_001);
    const refused = (await Promise.all(unfinished)).map(({ code }) => code);
    expect(refused.filter((code) => code === "request.stalled")).toHaveLength(5);
    expect(refused.filter((code) => code === "body.sender_busy")).toHaveLength(25);
  });

  test("bodies without credentials are short, and use up nothing of those with", async () => {
    const clock = testClock();
    const reader = openBodyReader({ clock, stallMs: 5_000 });
    const stranger = (at: number) => ({ stranger: `192.0.2.${at}` });
    expect((await reader.bytes(post("x".repeat(8_192)), MB, stranger(1))).byteLength).toBe(8_192);
    expect((await refusal(reader.bytes(post("x".repeat(8_193)), MB, stranger(1)))).status).toBe(413);
    expect((await refusal(reader.bytes(post("x", { "content-length": "9000" }), MB, stranger(1)))).status).toBe(413);
    const unfinished = Array.from({ length: 2_000 }, (_, index) =>
      refusal(reader.bytes(post(stalling("x".repeat(8_000))), MB, stranger(index % 200))),
    );
    await clock.advance(1);
    expect((await refusal(reader.bytes(post("x"), MB, stranger(7)))).code).toBe("body.strangers_busy");
    expect((await reader.bytes(post("y".repeat(MB)), MB, SENDER)).byteLength).toBe(MB);
    await clock.advance(5_001);
    await Promise.all(unfinished);
    expect((await reader.bytes(post("x"), MB, stranger(7))).byteLength).toBe(1);
  });
});

describe("small JSON bodies", () => {
  const { json } = openBodyReader({ clock: testClock() });
  const Shape = Type.Object(
    { name: Type.String({ minLength: 1, maxLength: 5 }), count: Type.Optional(Type.Integer({ minimum: 1 })) },
    { additionalProperties: false },
  );

  test("are read whatever content type they claim, with a byte order mark or without", async () => {
    expect(await json(post('{"name":"a"}', { "content-type": "text/plain" }), Shape, SENDER)).toEqual({ name: "a" });
    expect(await json(post('\ufeff{"name":"a"}'), Shape, SENDER)).toEqual({ name: "a" });
  });

  test("are refused with every fault at once", async () => {
    const failure = await refusal(json(post('{"name":"","count":0,"more":1}'), Shape, SENDER));
    expect(failure.status).toBe(400);
    expect(failure.data).toEqual({
      faults: {
        more: "is not known here; known are name, count",
        name: 'must be a string of 1 to 5 characters, got ""',
        count: "must be a whole number from 1, got 0",
      },
    });
  });

  test("that are empty, broken, not UTF-8 or too long are refused in words", async () => {
    expect((await refusal(json(post(""), Shape, SENDER))).message).toBe("invalid request body: not JSON: it is empty");
    for (const body of ["{", "nul", new Uint8Array([123, 255, 125])])
      expect((await refusal(json(post(body), Shape, SENDER))).status).toBe(400);
    expect((await refusal(json(post(`"${"x".repeat(70_000)}"`), Shape, SENDER))).status).toBe(413);
    expect((await refusal(json(post("[".repeat(60_000)), Shape, SENDER))).status).toBe(400);
  });
});
