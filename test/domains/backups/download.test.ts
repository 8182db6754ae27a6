// Giving backups back: lists, bytes, ranges, links, and whose they are.
import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { OWNER } from "../../support/actor.ts";
import { get, list, openListeningStore, openStoringApp, put, remove, usage } from "./fixture.ts";

const BYTES = "0123456789abcdefghij";
const DIGEST = Bun.SHA256.hash(BYTES, "hex");

async function stored() {
  const app = await openStoringApp();
  const system = await app.addSystem();
  const { id } = (await put(app, system, BYTES)).body.data;
  return { app, system, id, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

describe("a list", () => {
  test("is always an array, newest first", async () => {
    await using app = await openStoringApp();
    const system = await app.addSystem();
    const { text } = await app.request("GET", "/collect/api/systems/backups", { authorization: system.authorization });
    expect(text).toBe('{"code":200,"message":"backups listed","data":{"backups":[]}}');
    await put(app, system, "one", { "x-filename": "a.gpg" });
    await app.clock.advance(1000);
    await put(app, system, "two", { "x-filename": "b.tar.gz" });
    expect(await list(app, system)).toMatchObject([
      {
        filename: "b.tar.gz",
        size: 3,
        sha256: Bun.SHA256.hash("two", "hex"),
        state: "kept",
        pinned: false,
        uploaded_at: "2026-01-01T00:00:01.000Z",
      },
      { filename: "a.gpg", mimetype: "application/octet-stream" },
    ]);
  }, 60_000);
});

describe("a download", () => {
  test("has its length, its name and all that proves it, and is never compressed", async () => {
    await using one = await stored();
    const answer = await get(one.app, one.system, one.id, { "accept-encoding": "gzip, zstd" });
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toEqual({
      "accept-ranges": "bytes",
      "cache-control": "private, no-store, no-transform",
      "content-disposition": 'attachment; filename="dump.json.gz.gpg"',
      "content-length": "20",
      "content-type": "application/octet-stream",
      etag: `"${DIGEST}"`,
      "repr-digest": `sha-256=:${Buffer.from(DIGEST, "hex").toString("base64")}:`,
      "x-content-type-options": "nosniff",
    });
    expect(await answer.text()).toBe(BYTES);
  }, 60_000);

  test.each([
    ["bytes=0-3", undefined, 206, "0123", "bytes 0-3/20"],
    ["bytes=18-", undefined, 206, "ij", "bytes 18-19/20"],
    ["bytes=-2", undefined, 206, "ij", "bytes 18-19/20"],
    ["bytes=-500", undefined, 206, BYTES, "bytes 0-19/20"],
    ["bytes=5-500", undefined, 206, BYTES.slice(5), "bytes 5-19/20"],
    ["bytes=20-", undefined, 416, "", "bytes */20"],
    ["bytes=-0", undefined, 416, "", "bytes */20"],
    ["bytes=3-1", undefined, 200, BYTES, null],
    ["bytes=a-b", undefined, 200, BYTES, null],
    ["bytes=-", undefined, 200, BYTES, null],
    ["bytes=0-1,4-5", undefined, 200, BYTES, null],
    ["lines=0-1", undefined, 200, BYTES, null],
    ["bytes=0-3", `"${DIGEST}"`, 206, "0123", "bytes 0-3/20"],
    ["bytes=0-3", '"another"', 200, BYTES, null],
    ["bytes=0-3", `W/"${DIGEST}"`, 200, BYTES, null],
    ["bytes=0-3", "Thu, 01 Jan 2026 00:00:00 GMT", 200, BYTES, null],
  ] as const)(
    "answers Range %s with If-Range %s by %d",
    async (range, ifRange, status, body, contentRange) => {
      await using one = await stored();
      const answer = await get(one.app, one.system, one.id, { range, ...(ifRange ? { "if-range": ifRange } : {}) });
      expect([answer.status, answer.headers.get("content-range")]).toEqual([status, contentRange]);
      if (status !== 416) {
        expect(answer.headers.get("content-length")).toBe(String(body.length));
        expect(await answer.text()).toBe(body);
      }
    },
    60_000,
  );

  test("never offers a name that hides, that is an option, or that holds what a header must not", async () => {
    await using one = await stored();
    for (const [kept, offered] of [
      [".bash_profile", "bash_profile"],
      ["--force", "force"],
      ["../x", "x"],
      ['a"\r\nx: y', "a___x__y"],
    ] as const) {
      await one.app.database.query("update backups set filename = $1", [kept]);
      const { headers } = await get(one.app, one.system, one.id);
      expect(headers.get("content-disposition")).toBe(`attachment; filename="${offered}"`);
      const { body } = await one.app.admin("GET", `/api/admin/backups/${one.id}`);
      expect(body.data["filename"]).toBe(offered);
    }
  }, 60_000);

  test("whoever has it already is told so, and HEAD gives no bytes", async () => {
    await using one = await stored();
    expect((await get(one.app, one.system, one.id, { "if-none-match": `"x", W/"${DIGEST}"` })).status).toBe(304);
    const head = await get(one.app, one.system, one.id, {}, "HEAD");
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "20", ""]);
  }, 60_000);

  test("over a socket, bytes that look compressed arrive as they are, whole and in parts", async () => {
    await using app = await openListeningStore();
    const system = await app.addSystem();
    const bytes = Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), crypto.getRandomValues(new Uint8Array(60_000))]);
    const large = Buffer.concat(Array.from({ length: 100 }, () => bytes));
    const { id } = (await put(app, system, large)).body.data;
    const url = new URL(`/api/systems/backups/${id}`, app.main);
    const ask = (headers: Record<string, string>) =>
      fetch(url, { headers: { authorization: system.authorization, ...headers }, decompress: false });
    const whole = await ask({ "accept-encoding": "gzip" });
    expect([whole.headers.get("content-length"), whole.headers.get("content-encoding")]).toEqual([
      String(large.length),
      null,
    ]);
    expect(Buffer.compare(Buffer.from(await whole.arrayBuffer()), large)).toBe(0);
    const part = await ask({ range: "bytes=1000-4999999" });
    expect([part.status, part.headers.get("content-length"), part.headers.get("content-range")]).toEqual([
      206,
      "4999000",
      `bytes 1000-4999999/${large.length}`,
    ]);
    expect(Buffer.compare(Buffer.from(await part.arrayBuffer()), large.subarray(1000, 5_000_000))).toBe(0);
    const ignored = await ask({ range: "bytes=0-9", "if-range": '"other"' });
    expect([ignored.status, (await ignored.arrayBuffer()).byteLength]).toEqual([200, large.length]);
  }, 60_000);
});

describe("whose backup it is", () => {
  test("a system sees, downloads and deletes only its own", async () => {
    await using one = await stored();
    const other = await one.app.addSystem("Other");
    expect(await list(one.app, other)).toEqual([]);
    expect((await get(one.app, other, one.id)).status).toBe(404);
    expect((await remove(one.app, other, one.id)).status).toBe(404);
    expect((await get(one.app, one.system, one.id)).status).toBe(200);
  }, 60_000);

  test("an id in capitals or without its extension is the same backup; another extension is another one", async () => {
    await using one = await stored();
    expect((await get(one.app, one.system, one.id.toUpperCase())).status).toBe(200);
    expect((await get(one.app, one.system, one.id.replace(".gpg", ""))).status).toBe(200);
    expect((await get(one.app, one.system, one.id.replace(".gpg", ".bin"))).status).toBe(404);
  }, 60_000);

  test.each([
    "..",
    "..%2F..%2Fetc%2Fpasswd",
    "%2e%2e%2f",
    "a%00b",
    "x",
    "%zz",
    "01a1fb40-f698-4ff7-831b-603d9d29ff42.gpg",
    "x".repeat(3000),
  ])(
    "the id %s is refused before anything is asked of the store",
    async (id) => {
      await using one = await stored();
      for (const method of ["GET", "DELETE"]) {
        const url = `http://localhost/api/systems/backups/${id}`;
        const answer = await one.app.app.handle(
          new Request(url, { method, headers: { authorization: one.system.authorization } }),
        );
        expect(answer.status).toBeOneOf([400, 404]);
      }
      expect(await list(one.app, one.system)).toHaveLength(1);
    },
    60_000,
  );

  test("deleting gives the quota back, removes the object, and is final", async () => {
    await using one = await stored();
    expect(await remove(one.app, one.system, one.id)).toMatchObject({
      status: 200,
      body: { message: "backup deleted", data: { id: one.id } },
    });
    expect((await remove(one.app, one.system, one.id)).status).toBe(404);
    expect(await usage(one.app)).toBe(0);
    await one.app.app.runner.drain();
    expect(one.app.files()).toEqual([]);
  }, 60_000);

  test("erasing a system removes its objects, whatever pins or locks them", async () => {
    await using app = await openStoringApp({ BACKUP_LOCK_DAYS: "30" });
    const system = await app.addSystem();
    const { id } = (await put(app, system, BYTES)).body.data;
    await app.admin("POST", `/api/admin/backups/${id}/pin`);
    await app.app.api.systems.erase(OWNER, system.system_key);
    expect(await usage(app)).toBe(0);
    await app.app.scheduler.tick("backup-tidy", app.clock.now());
    await app.app.runner.drain();
    expect(app.files()).toEqual([]);
  }, 60_000);

  test("without credentials there is nothing", async () => {
    await using one = await stored();
    for (const [method, path] of [
      ["GET", ""],
      ["GET", `/${one.id}`],
      ["DELETE", `/${one.id}`],
      ["POST", ""],
    ] as const) {
      const { status, headers } = await one.app.request(method, `/api/systems/backups${path}`);
      expect([status, headers.get("www-authenticate")]).toEqual([401, 'Basic realm="System Authentication"']);
    }
    expect((await one.app.request("GET", `/api/admin/backups/${one.id}`)).status).toBe(401);
    expect(
      (
        await one.app.request("GET", `/api/admin/backups/${one.id}/content`, {
          authorization: one.system.authorization,
        })
      ).status,
    ).toBe(401);
  }, 60_000);
});

describe("operators", () => {
  test("list by system, organisation and state, page by page", async () => {
    await using app = await openStoringApp();
    const [one, two] = [await app.addSystem("A", { organization: "acme" }), await app.addSystem("B")];
    for (let count = 0; count < 5; count += 1) {
      await put(app, one, `a${count}`);
      await put(app, two, `b${count}`);
      await app.clock.advance(1000);
    }
    type Page = { backups: { id: string; organization_id: string; system_key: string }[]; next_cursor: string | null };
    const page = async (query: string) => (await app.admin<Page>("GET", `/api/admin/backups?${query}`)).body.data;
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const { backups, next_cursor }: Page = await page(`limit=3&cursor=${cursor}`);
      seen.push(...backups.map((backup) => backup.id));
      cursor = next_cursor;
    }
    expect(new Set(seen).size).toBe(10);
    expect(seen).toHaveLength(10);
    expect((await page(`system=${one.system_key}`)).backups.map((backup) => backup.organization_id)).toEqual(
      Array(5).fill("acme"),
    );
    expect((await page("organization=default")).backups).toHaveLength(5);
    expect((await page("state=damaged")).backups).toEqual([]);
    expect((await app.admin("GET", "/api/admin/backups?state=good")).status).toBe(400);
  }, 60_000);

  test("download by themselves or by a link that expires; every download is logged", async () => {
    await using one = await stored();
    const { body } = await one.app.admin<{ download_url: string; expires_in_seconds: number }>(
      "POST",
      `/api/admin/backups/${one.id}/link`,
      { ttl_seconds: 60 },
    );
    expect(body.data.expires_in_seconds).toBe(60);
    const follow = (url: string) => one.app.app.handle(new Request(`http://localhost${url}`));
    const answer = await follow(body.data.download_url);
    expect([answer.status, await answer.text()]).toEqual([200, BYTES]);
    for (const forged of [
      body.data.download_url.replace(/expires=(\d+)/, (_, expires) => `expires=${Number(expires) + 1}`),
      body.data.download_url.replace(/signature=./, (start) => (start.endsWith("A") ? "signature=B" : "signature=A")),
      body.data.download_url.replace(/link=[0-9a-f]{8}/, "link=00000000"),
      body.data.download_url.replace(/token=[0-9a-f]{8}/, "token=00000000"),
      body.data.download_url.replace(/backups\/[0-9a-f]{8}/, "backups/00000000"),
    ])
      expect((await follow(forged)).status).toBe(403);
    expect((await follow(`/api/backups/${one.id}/download`)).status).toBe(400);
    await one.app.clock.advance(60_000);
    expect((await follow(body.data.download_url)).status).toBe(403);

    const direct = await one.app.admin("GET", `/api/admin/backups/${one.id}`);
    expect(direct.body.data).toMatchObject({ downloads: [{ via: "link", address: "127.0.0.1" }] });
  }, 60_000);

  test("a link ends with the token that made it, and with no other", async () => {
    await using one = await stored();
    const [maker, other] = [
      await one.app.app.api.operators.addToken(OWNER, "maker"),
      await one.app.app.api.operators.addToken(OWNER, "x"),
    ];
    const { body } = await one.app.request<{ download_url: string }>("POST", `/api/admin/backups/${one.id}/link`, {
      authorization: `Bearer ${maker.token}`,
      body: "{}",
    });
    const follow = () => one.app.app.handle(new Request(`http://localhost${body.data.download_url}`));
    await one.app.app.api.operators.revokeToken(OWNER, other.id);
    expect((await follow()).status).toBe(200);
    await one.app.app.api.operators.revokeToken(OWNER, maker.id);
    expect((await follow()).status).toBe(403);
  }, 60_000);

  test("the API's own description names every route of backups", async () => {
    await using app = await openStoringApp();
    const paths = Object.keys(JSON.parse((await app.request("GET", "/api/openapi.json")).text).paths);
    for (const path of [
      "/api/systems/backups",
      "/api/systems/backups/{id}",
      "/api/backups/{id}/download",
      "/api/admin/backups",
      "/api/admin/backups/{id}/pin",
      "/api/admin/systems/{key}/backups",
    ])
      expect(paths).toContain(path);
  }, 60_000);
});

test("a backup whose object is gone is said to be lost, and becomes an alert", async () => {
  await using one = await stored();
  for (const file of one.app.files()) rmSync(file);
  const answer = await get(one.app, one.system, one.id);
  expect(answer.status).toBe(404);
  expect(await answer.text()).toContain("backup is lost: its object is not in the store any more");
  expect((await list(one.app, one.system))[0]?.state).toBe("lost");
  const { body } = await one.app.admin("GET", `/api/admin/backups/${one.id}`);
  expect(body.data).toMatchObject({ state: "lost", alerts: [{ cause: "lost" }] });
}, 60_000);
