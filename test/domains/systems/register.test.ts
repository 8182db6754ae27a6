// POST /systems/register: a secret is proved once and answered with the key it belongs to.
import { expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { register as registerSystem } from "../../../src/domains/systems/credentials/register.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";
import { inventedSecret, withWrongHalf } from "../../support/attacks/logins.ts";
import { countStatements } from "../../support/counted.ts";

const register = (app: TestApp, secret: unknown, path = "/backend/api/systems/register") =>
  app.request<{ system_key: string; registered_at: string }>("POST", path, {
    body: JSON.stringify({ system_secret: secret }),
    headers: { "content-type": "application/json" },
  });

test("answers with the system's key and the time, under every prefix that appliances know", async () => {
  await using app = await openTestApp();
  for (const path of ["/api", "/collect/api", "/backend/api"]) {
    const system = await app.addSystem("Branch", { registered: false });
    const { status, body } = await register(app, system.system_secret, `${path}/systems/register`);
    expect(status).toBe(200);
    expect(body).toEqual({
      code: 200,
      message: "system registered successfully",
      data: { system_key: system.system_key, registered_at: "2026-01-01T00:00:00.000Z" },
    });
  }
}, 60_000);

test("does not need a content type, and takes no notice of fields it does not know", async () => {
  await using app = await openTestApp();
  const { system_secret } = await app.addSystem("Branch", { registered: false });
  const answer = await app.request("POST", "/api/systems/register", {
    body: JSON.stringify({ system_secret, hostname: "gw" }),
  });
  expect(answer.status).toBe(200);
}, 60_000);

test("the first beat right after registering is acknowledged, even when one before it was refused", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem("Branch", { registered: false });
  const beat = () => app.request("POST", "/api/systems/heartbeat", { authorization: system.authorization });
  expect((await beat()).status).toBe(401);
  expect((await register(app, system.system_secret)).status).toBe(200);
  expect((await beat()).status).toBe(200);
}, 60_000);

test("fifty at once have one winner; the others are told that it is registered", async () => {
  await using app = await openTestApp({ REGISTER_RATE_PER_MINUTE: "100" });
  const { system_secret } = await app.addSystem("Branch", { registered: false });
  const answers = await Promise.all(Array.from({ length: 50 }, () => register(app, system_secret)));
  const statuses = answers.map((answer) => answer.status).toSorted();
  expect(statuses).toEqual([200, ...Array<number>(49).fill(409)]);
}, 60_000);

test("refuses what is not a secret with 400, and never repeats it", async () => {
  await using app = await openTestApp();
  const malformed = ["", "my_", "my_abc.short", `xx_abc.${"0".repeat(40)}`, `my_abc.${"0".repeat(40)}.x`];
  malformed.push(`my_.${"0".repeat(40)}`, `my_a\0b.${"0".repeat(40)}`, `my_abc.${"0".repeat(300)}`);
  for (const secret of malformed) {
    const { status, body } = await register(app, secret);
    expect({ secret, status, message: body.message }).toEqual({
      secret,
      status: 400,
      message: "invalid system secret format",
    });
  }
  const wrongType = await register(app, [12345678901]);
  expect(wrongType.status).toBe(400);
  expect(wrongType.body.message).toBe("invalid request body: system_secret must be a string of 0 to 1024 characters");
  expect(wrongType.text).not.toContain("12345678901");
  const absent = await app.request("POST", "/api/systems/register", { body: "{}" });
  expect([absent.status, absent.body.message]).toEqual([
    400,
    "invalid request body: system_secret must be a string of 0 to 1024 characters, got nothing",
  ]);
  for (const body of ["", "{", "[]", "null", '"my_"']) {
    expect((await app.request("POST", "/api/systems/register", { body })).status).toBe(400);
  }
}, 60_000);

test("refuses an unknown secret and one that is wrong after the dot with 401", async () => {
  await using app = await openTestApp();
  const { system_secret } = await app.addSystem("Branch", { registered: false });
  const wrong = `${system_secret.slice(0, -1)}${system_secret.endsWith("0") ? "1" : "0"}`;
  for (const secret of [wrong, `my_${"f".repeat(20)}.${"0".repeat(40)}`]) {
    const { status, body } = await register(app, secret);
    expect([status, body.message]).toEqual([401, "invalid system secret"]);
  }
  expect((await register(app, system_secret)).status).toBe(200);
}, 60_000);

test("refuses an erased system and a suspended one with 403", async () => {
  await using app = await openTestApp();
  const erased = await app.addSystem("Erased", { registered: false });
  await app.app.api.systems.erase(OWNER, erased.system_key);
  const answer = await register(app, erased.system_secret);
  expect([answer.status, answer.body.message]).toEqual([403, "system has been deleted"]);
  const guess = await register(app, `${erased.system_secret.slice(0, 24)}${"0".repeat(40)}`);
  expect(guess.status).toBe(401);

  const suspended = await app.addSystem("Suspended", { registered: false });
  await app.app.api.systems.suspend(OWNER, suspended.system_key);
  expect((await register(app, suspended.system_secret)).status).toBe(403);
  await app.app.api.systems.resume(OWNER, suspended.system_key);
  expect((await register(app, suspended.system_secret)).status).toBe(200);
}, 60_000);

test("refuses a second registration with 409, which appliances take for theirs", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  const { status, body } = await register(app, system.system_secret);
  expect([status, body.message]).toEqual([409, "system is already registered"]);
}, 60_000);

test("an address that tries too often waits a few seconds at a time, and may try again after a minute", async () => {
  await using app = await openTestApp({ REGISTER_RATE_PER_MINUTE: "3" });
  const { system_secret } = await app.addSystem("Branch", { registered: false });
  for (let count = 0; count < 3; count += 1) await register(app, `my_${"f".repeat(20)}.${"0".repeat(40)}`);
  const { status, headers } = await register(app, system_secret);
  expect(status).toBe(429);
  expect(Number(headers.get("retry-after"))).toBeWithin(1, 6);
  await app.clock.advance(61_000);
  expect((await register(app, system_secret)).status).toBe(200);
}, 60_000);

test("a first half that exists costs as many statements as one that never did or that was erased", async () => {
  await using app = await openTestApp();
  const [known, suspended, erased] = [await app.addSystem("A"), await app.addSystem("B"), await app.addSystem("C")];
  await app.app.api.systems.suspend(OWNER, suspended.system_key);
  await app.app.api.systems.erase(OWNER, erased.system_key);
  const database = countStatements(app.database);
  const secrets = [known, suspended, erased].map((system) => withWrongHalf(system.system_secret));
  for (const secret of [inventedSecret(), ...secrets]) {
    const before = database.statements();
    const caller = { address: "192.0.2.1", requireKey() {} };
    const refusal = registerSystem({ database, clock: app.clock }, secret, caller);
    await expect(refusal).rejects.toThrow("invalid system secret");
    expect(database.statements() - before).toBe(1);
  }
}, 60_000);

test("each registration and each throttled network is one line of the log, without a secret", async () => {
  await using app = await openTestApp({ REGISTER_RATE_PER_MINUTE: "3" });
  const system = await app.addSystem("Branch", { registered: false });
  expect((await register(app, system.system_secret)).status).toBe(200);
  for (let count = 0; count < 20; count += 1) await register(app, inventedSecret());
  const lines = app.logged.filter((line) => /registered|registrations/.test(line));
  expect(lines.map((line) => line.slice(line.indexOf(" ") + 1))).toEqual([
    `info  A system has registered. system_key=${system.system_key} address=127.0.0.1\n`,
    "info  An address is throttled: too many registrations. address=127.0.0.1\n",
  ]);
  await app.clock.advance(60_000);
  await register(app, inventedSecret());
  for (let count = 0; count < 20; count += 1) await register(app, inventedSecret());
  expect(app.logged.filter((line) => line.includes("too many registrations"))).toHaveLength(2);
  expect(app.logged.join("")).not.toContain(system.system_secret.slice(3));
}, 60_000);
