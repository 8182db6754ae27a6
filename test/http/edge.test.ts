// The listener's edge over real sockets: broken, hostile and merely unusual requests.
import { expect, test } from "bun:test";
import { openListeningApp } from "../support/listening.ts";
import { exchange, openConnection } from "../support/socket.ts";

const message = (body: string): unknown => JSON.parse(body).message;

test("a flood of headers is refused by the listener with 431, and the next client is served", async () => {
  await using app = await openListeningApp();
  const many = Array.from({ length: 2_000 }, (_, index) => `X-${index}: aaaaaaaaaaaaaaaaaaaa`).join("\r\n");
  const long = `X-Long: ${"a".repeat(100_000)}`;
  for (const headers of [many, long]) {
    const { status } = await exchange(app.main, `GET /api/health HTTP/1.1\r\nHost: gw\r\n${headers}\r\n\r\n`);
    expect(status).toBe(431);
  }
  expect((await fetch(`${app.main}/api/health`)).status).toBe(200);
}, 60_000);

test("headers of 10 KB are read, and one that should hold credentials is refused in words", async () => {
  await using app = await openListeningApp();
  const padding = `X-Padding: ${"a".repeat(10_000)}`;
  const health = await exchange(app.main, `GET /api/health HTTP/1.1\r\nHost: gw\r\n${padding}\r\n\r\n`);
  expect(health.status).toBe(200);
  const authorization = `Authorization: Basic ${"QUFB".repeat(2_500)}`;
  const beat = await exchange(app.main, `POST /api/systems/heartbeat HTTP/1.1\r\nHost: gw\r\n${authorization}\r\n\r\n`);
  expect([beat.status, message(beat.body)]).toEqual([401, "invalid authentication encoding"]);
}, 60_000);

test("host names of every length reach the same routes", async () => {
  await using app = await openListeningApp();
  for (const host of ["x", "gw", "ns8", "::1", "gateway.example.org:8081"]) {
    const { status } = await exchange(app.main, `GET /api/health HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect({ host, status }).toEqual({ host, status: 200 });
  }
  expect((await exchange(app.main, "GET /api/health HTTP/1.0\r\n\r\n")).status).toBe(200);
}, 60_000);

test("a request that names several hosts, or none that could be one, is 400 on both listeners", async () => {
  await using app = await openListeningApp();
  for (const host of ["a\r\nHost: b", "a\r\nhost: a", "\r\nHost: a", "a, b", "a b", "a/b", "user@a", "a?b"])
    for (const url of [`${app.main}/api/health`, `${app.operations}/health`]) {
      const { pathname } = new URL(url);
      const answer = await exchange(url, `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      expect({ host, status: answer.status }).toEqual({ host, status: 400 });
      expect(message(answer.body)).toBe("malformed request: it must name one host");
    }
}, 60_000);

test("a refusal comes before the body that it refuses, also to clients that ask first with Expect", async () => {
  await using app = await openListeningApp();
  const { authorization } = await app.addSystem();
  const head = (extra: string, length: number) =>
    `POST /api/systems/inventory HTTP/1.1\r\nHost: gw\r\n${extra}Content-Length: ${length}\r\n\r\n`;
  const refused: [bytes: string, status: number][] = [
    [head("", 3_000_000), 401],
    [head("Expect: 100-continue\r\n", 3_000_000), 401],
    [head(`Authorization: ${authorization}\r\n`, 20_000_000), 413],
    [head(`Authorization: ${authorization}\r\nExpect: 100-continue\r\n`, 20_000_000), 413],
  ];
  for (const [bytes, status] of refused) {
    using connection = await openConnection(app.main);
    connection.write(bytes);
    let answer = await connection.answer();
    if (answer.status === 100) answer = await connection.answer();
    expect(answer.status).toBe(status);
    expect(answer.headers["content-type"]).toStartWith("application/json");
  }
}, 60_000);

test("every route that takes credentials refuses a request without them before it has seen a byte of its body", async () => {
  await using app = await openListeningApp();
  const document = (await (await fetch(`${app.main}/api/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { security: unknown[] }>>;
  };
  const guarded = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method, { security }]) => method !== "get" && security.length > 0)
      .map(([method]) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, "x")}`),
  );
  expect(guarded.length).toBeGreaterThan(30);
  for (const line of [...guarded, "POST /api/alert_history"]) {
    const { status } = await exchange(app.main, `${line} HTTP/1.1\r\nHost: gw\r\nContent-Length: 1000\r\n\r\n`);
    expect({ line, status }).toEqual({ line, status: line.endsWith("/alert_history") ? 503 : 401 });
  }
}, 60_000);

test("a client that waits for 100 Continue gets it and its answer", async () => {
  await using app = await openListeningApp();
  const { authorization } = await app.addSystem();
  using connection = await openConnection(app.main);
  connection.write(
    `POST /api/systems/inventory HTTP/1.1\r\nHost: gw\r\nAuthorization: ${authorization}\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n`,
  );
  expect((await connection.answer()).status).toBe(100);
  connection.write('{"facts":{}}');
  expect((await connection.answer()).status).toBe(200);
}, 60_000);

test("a body that nobody reads is dropped, and its connection goes on", async () => {
  await using app = await openListeningApp();
  const { authorization } = await app.addSystem();
  using connection = await openConnection(app.main);
  const beat = (headers: string) =>
    `POST /api/systems/heartbeat HTTP/1.1\r\nHost: gw\r\nAuthorization: ${authorization}\r\n${headers}\r\n`;
  connection.write(`${beat("Content-Length: 5000000\r\n")}${"x".repeat(5_000_000)}`);
  expect((await connection.answer()).status).toBe(200);
  connection.write(`${beat("Transfer-Encoding: chunked\r\n")}5\r\nxxxxx\r\n0\r\n\r\n`);
  expect((await connection.answer()).status).toBe(200);
  connection.write(beat(""));
  expect((await connection.answer()).status).toBe(200);
}, 60_000);

test("a chunked body beyond the limit is 413 while it is still coming", async () => {
  await using app = await openListeningApp({ API_MAX_REQUEST_SIZE: "64KB" });
  const { authorization } = await app.addSystem();
  using connection = await openConnection(app.main);
  connection.write(
    `POST /api/systems/inventory HTTP/1.1\r\nHost: gw\r\nAuthorization: ${authorization}\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  for (let count = 0; count < 5; count += 1) connection.write(`4000\r\n${" ".repeat(0x4000)}\r\n`);
  const answer = await connection.answer();
  expect([answer.status, JSON.parse(answer.body).data]).toEqual([413, { max_size_bytes: 65_536 }]);
}, 60_000);

test("ambiguous and broken requests are 400 and end their connection", async () => {
  await using app = await openListeningApp();
  const broken = [
    "\x16\x03\x01\x02\x00\x01\r\n\r\n",
    "GET /api/health HTTP/1.1\r\n\r\n",
    "GET /api/health HTTP/9.9\r\nHost: gw\r\n\r\n",
    "POST /api/systems/heartbeat HTTP/1.1\r\nHost: gw\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /api/systems/heartbeat HTTP/1.1\r\nHost: gw\r\nContent-Length: -1\r\n\r\n",
  ];
  for (const bytes of broken) {
    using connection = await openConnection(app.main);
    connection.write(bytes);
    const { status } = await connection.answer();
    expect({ bytes, ok: status >= 400 && status <= 505 }).toEqual({ bytes, ok: true });
    expect(await connection.closed).toBe("");
  }
}, 60_000);

test("an unknown path and a wrong method are 404 in the envelope, HEAD answers like GET without its body", async () => {
  await using app = await openListeningApp();
  const unknown: [string, string][] = [
    ["GET", "/"],
    ["GET", "/api"],
    ["GET", "/api/systems/nothing"],
    ["GET", "/api/systems/heartbeat"],
    ["PUT", "/api/systems/inventory"],
    ["DELETE", "/api/systems/info"],
    ["OPTIONS", "/api/health"],
    ["GET", "//api/health"],
    ["GET", "/api/../etc/passwd"],
    ["GET", "/%2e%2e/%00"],
  ];
  for (const [method, path] of unknown) {
    const answer = await exchange(app.main, `${method} ${path} HTTP/1.1\r\nHost: gw\r\n\r\n`);
    expect({ path, status: answer.status, body: answer.body }).toEqual({
      path,
      status: 404,
      body: '{"code":404,"message":"api not found","data":null}',
    });
  }
  const get = await fetch(`${app.main}/api/health`);
  const head = await fetch(`${app.main}/api/health`, { method: "HEAD" });
  expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([
    200,
    get.headers.get("content-type"),
    "",
  ]);
}, 60_000);

test("a client that goes away in the middle of its body leaves nothing behind, and no error", async () => {
  await using app = await openListeningApp();
  const { authorization } = await app.addSystem();
  {
    using connection = await openConnection(app.main);
    connection.write(
      `POST /api/systems/inventory HTTP/1.1\r\nHost: gw\r\nAuthorization: ${authorization}\r\nContent-Length: 1000\r\n\r\n{"a":`,
    );
    await Bun.sleep(50);
  }
  await Bun.sleep(100);
  expect(await app.app.queue.counts()).toEqual({});
  expect(app.logged.filter((line) => line.includes(" error "))).toEqual([]);
  expect((await fetch(`${app.main}/api/health`)).status).toBe(200);
}, 60_000);

test("a body that stalls, or comes byte by byte, is given up with 408 and ends its connection", async () => {
  await using app = await openListeningApp();
  const { authorization } = await app.addSystem();
  for (const [length, words] of [
    [100_000, "the request body stalled"],
    [1_000, "the request body comes too slowly"],
  ] as const) {
    using connection = await openConnection(app.main);
    connection.write(
      `POST /api/systems/inventory HTTP/1.1\r\nHost: gw\r\nAuthorization: ${authorization}\r\nContent-Length: ${length}\r\n\r\n{"a":`,
    );
    await Bun.sleep(100);
    await app.clock.advance(19_000);
    if (length < 64 * 1024) connection.write("1");
    await Bun.sleep(50);
    await app.clock.advance(3_001);
    const answer = await connection.answer();
    expect([answer.status, message(answer.body)]).toEqual([408, words]);
    await connection.closed;
  }
  expect(app.logged.filter((line) => line.includes("A body was given up."))).toHaveLength(2);
}, 60_000);

test("stopping waits for the request in flight, and refuses new connections", async () => {
  const app = await openListeningApp();
  const { authorization } = await app.addSystem();
  using connection = await openConnection(app.main);
  connection.write(
    `POST /api/systems/inventory HTTP/1.1\r\nHost: gw\r\nAuthorization: ${authorization}\r\nContent-Length: 12\r\n\r\n{"fac`,
  );
  await Bun.sleep(50);
  const stopped = app[Symbol.asyncDispose]();
  await Bun.sleep(20);
  connection.write('ts":{}}');
  expect((await connection.answer()).status).toBe(200);
  await stopped;
  await expect(openConnection(app.main)).rejects.toThrow();
}, 60_000);
