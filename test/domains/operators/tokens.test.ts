// Operators' tokens: what opens the admin API, and what does not any more.
import { expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";
import { tryInventedTokens } from "../../support/attacks/logins.ts";
import { countStatements } from "../../support/counted.ts";
import { openMemoryLimiter } from "../../../src/adapters/memory/limiter.ts";
import { open as openOperators } from "../../../src/domains/operators/index.ts";
import { Failure } from "../../../src/errors.ts";

const call = (app: TestApp, authorization?: string, path = "/api/admin/systems") =>
  app.request("GET", path, authorization === undefined ? {} : { authorization });

test("a token opens every admin route until it is revoked, by id or by name", async () => {
  await using app = await openTestApp();
  for (const by of ["id", "name"] as const) {
    const made = await app.app.api.operators.addToken(OWNER, `laptop ${by}`);
    expect(made.token).toMatch(/^mst_[0-9a-f]{48}$/);
    for (const path of [
      "/api/admin/systems",
      "/api/admin/overview",
      "/api/admin/queues",
      "/api/admin/systems/old-secrets",
    ])
      expect((await call(app, `Bearer ${made.token}`, path)).status).toBe(200);
    await app.app.api.operators.revokeToken(OWNER, made[by]);
    const refused = await call(app, `Bearer ${made.token}`);
    expect([refused.status, refused.body.message]).toEqual([401, "invalid operator token"]);
    expect(refused.headers.get("www-authenticate")).toStartWith("Bearer");
  }
}, 60_000);

test("lists live tokens by name, age and last use, and never the token", async () => {
  await using app = await openTestApp();
  const { token } = await app.app.api.operators.addToken(OWNER, "laptop");
  const { id } = await app.app.api.operators.addToken(OWNER, "gone");
  await app.app.api.operators.revokeToken(OWNER, id);
  await app.clock.advance(90_000);
  await call(app, `Bearer ${token}`);
  const tokens = await app.app.api.operators.listTokens(OWNER);
  expect(tokens).toEqual([
    {
      id: expect.any(String),
      name: "laptop",
      created_at: new Date("2026-01-01T00:00:00Z") as never,
      last_used_at: new Date("2026-01-01T00:01:30Z") as never,
    },
  ]);
  const [row] = await app.database.query<{ all: string }>(
    "select string_agg(t::text, ' ') as all from operator_tokens t",
  );
  expect(row?.all).not.toContain(token);
}, 60_000);

test("revoking what is not there is 404", async () => {
  await using app = await openTestApp();
  const error = await app.app.api.operators.revokeToken(OWNER, "nobody").catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Failure);
  expect((error as Failure).status).toBe(404);
}, 60_000);

test("no token, one of another kind and a system's own credentials are 401 on every admin route", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  const paths = [
    "/api/admin/systems",
    "/api/admin/overview",
    "/api/admin/queues",
    `/api/admin/systems/${system.system_key}`,
  ];
  const headers = [undefined, "Bearer", "Bearer ", "bearer x", "Bearer mst_wrong", `Bearer ${"x".repeat(300)}`];
  for (const header of [...headers, system.authorization, "Bearer a\u00e9b"]) {
    for (const path of paths) {
      const answer = await call(app, header, path);
      expect([401, 429]).toContain(answer.status);
      expect(answer.text).not.toContain(system.system_id);
    }
  }
  const erased = await app.request("DELETE", `/api/admin/systems/${system.system_key}`);
  expect(erased.status).toBe(401);
  expect((await app.app.api.systems.show(OWNER, system.system_key)).system_id).toBe(system.system_id);
}, 60_000);

test("bad tokens are slowed down, while a good one from the same address goes on working", async () => {
  await using app = await openTestApp({ AUTH_FAILURES_PER_MINUTE: "3" });
  const { token } = await app.app.api.operators.addToken(OWNER, "laptop");
  const statuses = [];
  for (let count = 0; count < 5; count += 1) statuses.push((await call(app, `Bearer mst_${count}`)).status);
  expect(statuses).toEqual([401, 401, 401, 429, 429]);
  expect((await call(app, `Bearer ${token}`)).status).toBe(200);
}, 60_000);

test("300 invented tokens from one address cost ten lookups and one reading of what exists; a right one gets in", async () => {
  await using app = await openTestApp();
  const { token } = await app.app.api.operators.addToken(OWNER, "laptop");
  const counted = countStatements(app.database);
  const { clock } = app;
  const limiter = openMemoryLimiter({ clock });
  const throttled: string[] = [];
  const noteThrottled = (what: string, network: string) => void throttled.push(`${what} ${network}`);
  const { api: operators } = openOperators({ database: counted, limiter, clock, failuresPerMinute: 10, noteThrottled });
  const login = async (address: string, authorization: string) => {
    const request = new Request("http://localhost/", { headers: { authorization } });
    return operators.authorize(request, { requestIP: () => ({ address }) }).then(
      () => 200,
      (error: Failure) => error.status,
    );
  };
  expect(await tryInventedTokens(login, { from: "192.0.2.1", count: 300 })).toEqual({ 401: 10, 429: 290 });
  expect(counted.statements()).toBe(11);
  expect(new Set(throttled)).toEqual(new Set(["failed logins of operators 192.0.2.1"]));
  expect(await login("192.0.2.1", `Bearer ${token}`)).toBe(200);
  await operators.revokeToken(OWNER, "laptop");
  expect(await login("192.0.2.1", `Bearer ${token}`)).toBe(429);
}, 60_000);
