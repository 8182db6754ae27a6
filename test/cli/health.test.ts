// muster health, as container engines and people ask it: of a gateway that serves, of one that cannot, and of nobody.
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { createTestDatabase } from "../support/postgres.ts";
import { temporaryDirectory } from "../support/run.ts";
import { runMuster, startGateway } from "../support/program.ts";
import { createSeverableDatabase } from "../support/severable.ts";

/** Asks where `url` says, by the host that the setting names. */
const askAt = (url: string, args: string[] = [], host = "127.0.0.1", env: Record<string, string> = {}) =>
  runMuster(["health", ...args], { env: { ...env, HEALTH_LISTEN_ADDRESS: `${host}:${new URL(url).port}` } });

test("a gateway that serves is alive and ready; stopped, it is neither, and the sentence says what to look at", async () => {
  await using database = await createTestDatabase({ empty: true });
  const dataDir = temporaryDirectory("health");
  const gateway = await startGateway({ env: { DATABASE_URL: database.url, DATA_DIR: dataDir } });
  const url = gateway.operationsUrl;
  try {
    const [alive, ready] = await Promise.all([askAt(url), askAt(url, ["--ready"])]);
    expect(alive).toEqual({ code: 0, stdout: `${url}/health says: service healthy.\n`, stderr: "" });
    expect(ready).toMatchObject({ code: 0, stdout: expect.stringContaining("/ready says: service ready") });
    const asked = await askAt(url, ["--ready", "--json"]);
    expect(JSON.parse(asked.stdout)).toMatchObject({ healthy: true, url: `${url}/ready` });
  } finally {
    await gateway.stop();
    rmSync(dataDir, { recursive: true });
  }
  const stopped = await askAt(url);
  expect([stopped.code, stopped.stderr]).toEqual([1, ""]);
  expect(stopped.stdout).toMatch(/^No answer from .+ Is muster serve running\?\n$/);
  const asJson = await askAt(url, ["--json"]);
  expect([asJson.code, JSON.parse(asJson.stdout)]).toMatchObject([1, { healthy: false, url: `${url}/health` }]);
}, 60_000);

test("with its database away a gateway is alive but not ready, and the sentence says why", async () => {
  await using way = await createSeverableDatabase();
  const dataDir = temporaryDirectory("health-away");
  const gateway = await startGateway({ env: { DATABASE_URL: way.url, DATA_DIR: dataDir } });
  try {
    await way.cut();
    expect((await askAt(gateway.operationsUrl)).code).toBe(0);
    const { code, stdout } = await askAt(gateway.operationsUrl, ["--ready"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/\/ready says: service unready \(.*database: .+\)\.\n$/);
  } finally {
    await way.mend();
    await gateway.stop();
    rmSync(dataDir, { recursive: true });
  }
}, 60_000);

test("a gateway that listens everywhere is asked on the loopback, and never through a proxy", async () => {
  const answer = () => Response.json({ code: 200, message: "service healthy", data: null });
  const everywhere = Bun.serve({ hostname: "0.0.0.0", port: 0, fetch: answer });
  const url = `http://127.0.0.1:${everywhere.port}`;
  const proxied = { HTTP_PROXY: "http://127.0.0.1:1", http_proxy: "http://127.0.0.1:1" };
  for (const host of ["", "0.0.0.0", "[::]", "localhost"])
    expect(await askAt(url, [], host, proxied), host).toMatchObject({ code: 0, stderr: "" });
  await everywhere.stop(true);
}, 60_000);

test("what is not Muster is not taken for it, and what does not answer is not waited for", async () => {
  const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("<html>") });
  const { code, stdout } = await askAt(String(other.url));
  expect([code, stdout]).toEqual([
    1,
    `What answers at http://127.0.0.1:${other.port}/health (with 200) is not Muster.\n`,
  ]);
  await other.stop(true);

  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const late = await askAt(`http://127.0.0.1:${silent.port}`);
  expect([late.code, late.stdout]).toEqual([1, `http://127.0.0.1:${silent.port}/health did not answer within 4 s.\n`]);
  silent.stop(true);
}, 30_000);

test("a port that the system chose cannot be known, and it says what to set", async () => {
  const { code, stdout } = await askAt("http://127.0.0.1:0", []);
  expect([code, stdout]).toMatchObject([1, expect.stringContaining("HEALTH_LISTEN_ADDRESS lets the system choose")]);
}, 60_000);
