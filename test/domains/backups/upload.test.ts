// Uploads: what is taken, what is refused in which order, and that a refused one leaves nothing.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { openConnection, exchange } from "../../support/socket.ts";
import type { TestApp, TestSystem } from "../../support/app.ts";
import { seeded } from "../../support/random.ts";
import { NOTHING, list, openListeningStore, openStoringApp, put, traces, usage } from "./fixture.ts";
import type { Uploaded } from "./fixture.ts";

const sha256 = (text: string | Uint8Array) => Bun.SHA256.hash(text, "hex");

describe("an upload", () => {
  test("is answered with what is kept of it", async () => {
    await using app = await openStoringApp();
    const system = await app.addSystem("Branch", { organization: "acme/è" });
    const { status, body } = await put(app, system, "\x8c\x0d\x04secret", {
      "content-type": "application/pgp-encrypted",
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      code: 201,
      message: "backup stored",
      data: {
        filename: "dump.json.gz.gpg",
        size: 10,
        sha256: sha256("\x8c\x0d\x04secret"),
        mimetype: "application/pgp-encrypted",
        uploaded_at: "2026-01-01T00:00:00.000Z",
      },
    });
    expect(body.data.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.gpg$/);
    expect(app.files()).toEqual([`${app.directory}/objects/acme=2f=c3=a8/${system.system_key}/${body.data.id}`]);
    expect(await usage(app, "acme/è")).toBe(10);
  }, 60_000);

  test("is taken with the digest that was declared, in either case", async () => {
    await using app = await openStoringApp();
    const system = await app.addSystem();
    expect((await put(app, system, "abc", { "x-content-sha256": sha256("abc").toUpperCase() })).status).toBe(201);
  }, 60_000);

  test("without a length is taken chunk by chunk, up to what fits", async () => {
    await using app = await openStoringApp({ BACKUP_MAX_SIZE_PER_SYSTEM: "100" });
    const system = await app.addSystem();
    const chunked = (body: string) =>
      app.request<Uploaded>("POST", "/api/systems/backups", {
        authorization: system.authorization,
        headers: { "transfer-encoding": "chunked" },
        body,
      });
    expect(await chunked("x".repeat(100))).toMatchObject({ status: 201, body: { data: { size: 100 } } });
    expect(await usage(app)).toBe(100);
    expect((await chunked("x".repeat(101))).status).toBe(413);
    expect((await chunked("")).status).toBe(400);
    expect(await list(app, system)).toHaveLength(1);
    expect(await usage(app)).toBe(100);
  }, 60_000);
});

describe("is refused before its body is looked at", () => {
  /** A body that fails the test when anybody reads it. */
  const untouched = () => {
    let touched = false;
    const body = new ReadableStream<Uint8Array>(
      { pull: (controller) => ((touched = true), controller.close()) },
      { highWaterMark: 0 },
    );
    return { body, wasTouched: () => touched };
  };
  const limits = {
    BACKUP_MAX_UPLOAD_SIZE: "1000",
    BACKUP_MAX_SIZE_PER_SYSTEM: "800",
    BACKUP_MAX_SIZE_PER_ORG: "900",
    BACKUP_RATE_LIMIT_PER_MINUTE: "2",
    BACKUP_RATE_LIMIT_PER_HOUR: "3",
  };

  test("in this order: 401, 411, 413, 429, 413 for the organisation", async () => {
    await using app = await openStoringApp(limits);
    const [system, other] = [await app.addSystem("A"), await app.addSystem("B")];
    const attempt = async (authorization: string, length: string | undefined) => {
      const { body, wasTouched } = untouched();
      const headers: Record<string, string> = length === undefined ? {} : { "content-length": length };
      const answer = await app.request("POST", "/api/systems/backups", { authorization, headers, body });
      expect(wasTouched()).toBe(false);
      return answer;
    };
    expect((await attempt("Basic Tk9QRTpub3Bl", "5000")).status).toBe(401);
    expect(await attempt(system.authorization, undefined)).toMatchObject({
      status: 411,
      body: { message: "Content-Length required" },
    });
    expect((await attempt(system.authorization, "0")).status).toBe(411);
    expect(await attempt(system.authorization, "1001")).toMatchObject({
      status: 413,
      body: { message: "backup exceeds max upload size", data: { max_bytes: 800 } },
    });
    expect((await attempt(system.authorization, "801")).status).toBe(413);

    expect((await put(app, system, "x".repeat(500))).status).toBe(201);
    const quota = await attempt(other.authorization, "401");
    expect(quota).toMatchObject({ status: 413, body: { message: "organization backup quota exceeded", data: null } });
    expect((await put(app, other, "x".repeat(400))).status).toBe(201);

    const throttled = await attempt(other.authorization, "700");
    expect(throttled).toMatchObject({ status: 429, body: { message: "upload rate limit exceeded" } });
    expect(Number(throttled.headers.get("retry-after"))).toBeWithin(1, 61);
    expect((await attempt(other.authorization, "801")).status).toBe(413);
  }, 60_000);

  test("the hourly limit never tells a client to wait longer than a minute", async () => {
    await using app = await openStoringApp(limits);
    const system = await app.addSystem();
    for (let count = 0; count < 3; count += 1) {
      expect((await put(app, system, "x")).status).toBe(201);
      await app.clock.advance(61_000);
    }
    const { status, headers } = await put(app, system, "x");
    expect([status, headers.get("retry-after")]).toEqual([429, "60"]);
    await app.clock.advance(3_600_000);
    expect((await put(app, system, "x")).status).toBe(201);
  }, 60_000);

  test("a refused upload does not count against the rate", async () => {
    await using app = await openStoringApp(limits);
    const system = await app.addSystem();
    for (let count = 0; count < 5; count += 1) await put(app, system, "x".repeat(801));
    expect((await put(app, system, "x")).status).toBe(201);
  }, 60_000);

  test("what retention would free counts as free", async () => {
    await using app = await openStoringApp({ BACKUP_MAX_SIZE_PER_SYSTEM: "100", BACKUP_MAX_SIZE_PER_ORG: "100" });
    const system = await app.addSystem();
    for (let count = 0; count < 4; count += 1) expect((await put(app, system, "x".repeat(90))).status).toBe(201);
    expect(await usage(app)).toBe(90);
  }, 60_000);
});

describe("two uploads at the quota's edge", () => {
  test.each(["organisation", "system"])(
    "only one gets the last bytes of its %s",
    async (whose) => {
      await using app = await openStoringApp(
        whose === "system" ? { BACKUP_MAX_SIZE_PER_SYSTEM: "100" } : { BACKUP_MAX_SIZE_PER_ORG: "100" },
      );
      const first = await app.addSystem("A");
      const second = whose === "system" ? first : await app.addSystem("B");
      const { promise: go, resolve } = Promise.withResolvers<void>();
      const slow = (system: TestSystem) =>
        app.request("POST", "/api/systems/backups", {
          authorization: system.authorization,
          headers: { "content-length": "60" },
          body: new ReadableStream({
            async pull(controller) {
              await go;
              controller.enqueue(new Uint8Array(60));
              controller.close();
            },
          }),
        });
      const both = [slow(first), slow(second)];
      const early = await Promise.race(both);
      expect(early.status).toBe(413);
      expect(await usage(app)).toBe(60);
      resolve();
      expect((await Promise.all(both)).map((one) => one.status).sort()).toEqual([201, 413]);
      expect(await usage(app)).toBe(60);
    },
    60_000,
  );

  test("of fifty at once, exactly as many are kept as fit", async () => {
    await using app = await openStoringApp({ BACKUP_MAX_SIZE_PER_ORG: "1000", REGISTER_RATE_PER_MINUTE: "50" });
    const systems = await Promise.all(Array.from({ length: 50 }, (_, index) => app.addSystem(`S${index}`)));
    const answers = await Promise.all(systems.map((system) => put(app, system, "x".repeat(70))));
    expect(answers.filter((one) => one.status === 201)).toHaveLength(14);
    expect(answers.filter((one) => one.status === 413)).toHaveLength(36);
    expect(await usage(app)).toBe(980);
  }, 60_000);
});

describe("a body that is not what was said leaves nothing", () => {
  test.each([
    ["shorter than its Content-Length", { "content-length": "11" }, 400, "upload length mismatch"],
    ["longer than its Content-Length", { "content-length": "9" }, 400, "upload length mismatch"],
    ["with another digest", { "x-content-sha256": sha256("other") }, 422, "SHA-256"],
    ["with a digest that is none", { "x-content-sha256": "abc" }, 400, "64 hexadecimal digits"],
  ] as const)(
    "%s",
    async (_, headers, status, words) => {
      await using app = await openStoringApp();
      const system = await app.addSystem();
      const answer = await put(app, system, "0123456789", headers);
      expect(answer.status).toBe(status);
      expect(answer.body.message).toContain(words);
      expect(await traces(app)).toEqual(NOTHING);
    },
    60_000,
  );

  test("a client that stalls is given up by the clock", async () => {
    await using app = await openStoringApp();
    const system = await app.addSystem();
    const stalled = app.request("POST", "/api/systems/backups", {
      authorization: system.authorization,
      headers: { "content-length": "100" },
      body: new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) }),
    });
    while ((await usage(app)) === 0 || app.files().length === 0) await Bun.sleep(5);
    await app.clock.advance(31_000);
    expect(await stalled).toMatchObject({ status: 408, body: { message: "the upload stalled" } });
    expect(await traces(app)).toEqual(NOTHING);
  }, 60_000);

  test.each([
    ["600 bytes a second have all the time they need", 12_000, 201],
    ["a byte now and then has not", 1, 408],
  ])(
    "a slow client is not, while it keeps the least rate: %s",
    async (_, bytes, status) => {
      await using app = await openStoringApp();
      const system = await app.addSystem();
      const { promise: first, resolve: send } = Promise.withResolvers<void>();
      let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
      const slow = app.request("POST", "/api/systems/backups", {
        authorization: system.authorization,
        headers: { "content-length": String(20 * bytes) },
        body: new ReadableStream({ start: (given) => ((controller = given), send()) }),
      });
      await first;
      while ((await usage(app)) === 0) await Bun.sleep(5);
      for (let count = 0; count < 20; count += 1) {
        try {
          controller?.enqueue(new Uint8Array(bytes));
        } catch {
          // Given up.
          break;
        }
        await Bun.sleep(2);
        await app.clock.advance(20_000);
      }
      if (status === 201) controller?.close();
      expect((await slow).status).toBe(status);
    },
    60_000,
  );

  /** An upload of which nothing has come yet but its head; `go` lets the bytes come. */
  async function uploadUnderWay(app: Awaited<ReturnType<typeof openStoringApp>>, system: TestSystem) {
    const { promise: gone, resolve: go } = Promise.withResolvers<void>();
    const answer = app.request("POST", "/api/systems/backups", {
      authorization: system.authorization,
      headers: { "content-length": "4" },
      body: new ReadableStream({
        async pull(controller) {
          await gone;
          controller.enqueue(new Uint8Array(4));
          controller.close();
        },
      }),
    });
    while ((await traces(app)).uploads === 0) await Bun.sleep(5);
    return { answer, go };
  }

  test("an upload that its system does not outlive is not kept", async () => {
    await using app = await openStoringApp();
    const system = await app.addSystem();
    const { answer, go } = await uploadUnderWay(app, system);
    await app.app.api.systems.erase(OWNER, system.system_key);
    go();
    expect((await answer).status).toBe(503);
    expect(await traces(app)).toEqual(NOTHING);
  }, 60_000);

  test.each([
    ["suspended", (app: TestApp, { system_key }: TestSystem) => app.app.api.systems.suspend(OWNER, system_key)],
    ["suspended with its organisation", (app: TestApp) => app.app.api.organizations.suspend(OWNER, "acme")],
    [
      "unregistered",
      (app: TestApp, { authorization }: TestSystem) =>
        app.request("POST", "/api/systems/unregister", { authorization }),
    ],
  ] as const)(
    "an upload whose system is %s meanwhile is refused, and leaves nothing",
    async (_, end) => {
      await using app = await openStoringApp();
      await app.app.api.organizations.add(OWNER, { id: "acme", name: "Acme" });
      const system = await app.addSystem("Branch", { organization: "acme" });
      const { answer, go } = await uploadUnderWay(app, system);
      await end(app, system);
      go();
      expect((await answer).status).toBe(403);
      expect(await traces(app)).toEqual(NOTHING);
    },
    60_000,
  );
});

describe("over a socket", () => {
  type Store = Awaited<ReturnType<typeof openListeningStore>>;
  let app: Store;
  let system: TestSystem;
  beforeAll(async () => {
    app = await openListeningStore();
    system = await app.addSystem();
  }, 60_000);
  afterAll(() => app[Symbol.asyncDispose](), 60_000);

  const head = (...lines: string[]) =>
    [
      "POST /collect/api/systems/backups HTTP/1.1",
      "Host: gateway",
      `Authorization: ${system.authorization}`,
      "X-Filename: dump.gpg",
      ...lines,
      "",
      "",
    ].join("\r\n");
  const settled = async () => {
    for (let tries = 0; tries < 1_000 && !Bun.deepEquals(await traces(app), NOTHING); tries += 1) await Bun.sleep(10);
    return traces(app);
  };

  test.each([
    ["no length at all", [], 411],
    ["zero", ["Content-Length: 0"], 411],
    ["letters", ["Content-Length: abc"], 400],
    ["negative", ["Content-Length: -5"], 400],
    ["hexadecimal", ["Content-Length: 0x10"], 400],
    ["beyond all numbers", ["Content-Length: 99999999999999999999"], 400],
    ["a list", ["Content-Length: 5, 5"], 400],
    ["two that differ", ["Content-Length: 5", "Content-Length: 3"], 400],
    ["both a length and chunks", ["Content-Length: 5", "Transfer-Encoding: chunked"], 400],
    ["over every limit", ["Content-Length: 600000000"], 413],
    ["over what a listener takes", ["Content-Length: 900000000000"], 413],
  ] as const)(
    "a Content-Length that is wrong (%s) is refused",
    async (_, lines, status) => {
      expect((await exchange(app.main, head(...lines))).status).toBe(status);
      expect(await traces(app)).toEqual(NOTHING);
    },
    60_000,
  );

  test("a body cut at any point leaves nothing", async () => {
    const body = Buffer.alloc(300_000, 7);
    const random = seeded(55);
    const cuts = [0, 1, body.length - 1, ...Array.from({ length: 17 }, () => random.int(body.length))];
    for (const cut of cuts) {
      using connection = await openConnection(app.main);
      connection.write(head(`Content-Length: ${body.length}`));
      connection.write(body.subarray(0, cut));
      await Bun.sleep(random.int(8));
    }
    expect(await settled()).toEqual(NOTHING);
    expect(await list(app, system)).toEqual([]);
  }, 60_000);

  test("chunks that are cut leave nothing", async () => {
    for (const sent of ["", "5\r\nhel", "5\r\nhello\r\n", "5\r\nhello\r\n0"]) {
      using connection = await openConnection(app.main);
      connection.write(head("Transfer-Encoding: chunked") + sent);
      await Bun.sleep(20);
    }
    expect(await settled()).toEqual(NOTHING);
  }, 60_000);

  test("a refusal comes before the body when the client asks for it", async () => {
    using connection = await openConnection(app.main);
    connection.write(head("Content-Length: 600000000", "Expect: 100-continue"));
    expect((await connection.answer()).status).toBe(100);
    expect((await connection.answer()).status).toBe(413);
  }, 60_000);

  test("curl stops sending when it is refused", async () => {
    const url = new URL("/collect/api/systems/backups", app.main).href;
    const child = Bun.spawn(
      [
        "curl",
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{size_upload}",
        "-X",
        "POST",
        "-u",
        "no:body",
        "--data-binary",
        "@-",
        "-H",
        "Expect: 100-continue",
        url,
      ],
      { stdin: Buffer.alloc(30_000_000), stdout: "pipe", stderr: "ignore" },
    );
    const [code, sent] = (await child.stdout.text()).split(" ").map(Number);
    expect(code).toBe(401);
    expect(sent).toBeLessThan(10_000_000);
  }, 60_000);

  test("names of any kind do no harm", async () => {
    for (const name of [
      "../../../../etc/passwd",
      "a\tb.gpg",
      "citt\xe0.gpg",
      "x".repeat(10_240) + ".gpg",
      '"; rm -rf /',
      "%0d%0aX: y",
    ]) {
      const connection = await openConnection(app.main);
      connection.write(head("Content-Length: 3").replace("X-Filename: dump.gpg", `X-Filename: ${name}`) + "abc");
      const answer = await connection.answer();
      connection[Symbol.dispose]();
      expect(answer.status).toBe(201);
      const { filename }: Uploaded = JSON.parse(answer.body).data;
      expect(filename).toMatch(/^[A-Za-z0-9._-]{1,255}$/);
    }
  }, 60_000);
});
