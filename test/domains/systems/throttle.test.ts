// Failed logins are slowed down per network and per key; right credentials are never refused for them, and wrong ones cost little.
import { describe, expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { openMemoryLimiter } from "../../../src/adapters/memory/limiter.ts";
import { openAuthenticator } from "../../../src/domains/systems/credentials/authenticate.ts";
import { Failure } from "../../../src/errors.ts";
import { basic, openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";
import {
  inventedSecret,
  tryInventedKeys,
  tryWrongHalves,
  tryWrongSecrets,
  withWrongHalf,
} from "../../support/attacks/logins.ts";
import type { Login } from "../../support/attacks/logins.ts";
import { countStatements } from "../../support/counted.ts";

const NAT = "192.0.2.1";

/** An authenticator of its own on the app's tables and clock, that remembers nothing yet. */
function freshAuthenticator({ database, clock }: TestApp, failuresPerMinute = 10) {
  const counted = countStatements(database);
  const throttled: string[] = [];
  const authenticator = openAuthenticator({
    database: counted,
    clock,
    limiter: openMemoryLimiter({ clock }),
    cacheTtlMs: 60_000,
    failuresPerMinute,
    throttled: (network) => throttled.push(network),
  });
  let retryAfterSeconds: number | undefined;
  const login: Login = async (address, authorization) => {
    const request = new Request("http://localhost/", { headers: { authorization } });
    try {
      await authenticator.authenticate(request, { requestIP: () => ({ address }) });
      return 200;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      retryAfterSeconds = error.retryAfterSeconds ?? retryAfterSeconds;
      return error.status;
    }
  };
  return { authenticator, login, throttled, statements: counted.statements, retryAfter: () => retryAfterSeconds };
}

test("over the wire: ten failures in a minute are 401, then 429 with a few seconds to wait; the right secret is 200", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  const beat = (authorization: string) => app.request("POST", "/api/systems/heartbeat", { authorization });
  for (let count = 0; count < 10; count += 1)
    expect((await beat(basic(system.system_key, inventedSecret()))).status).toBe(401);
  const throttled = await beat(basic(system.system_key, inventedSecret()));
  expect([throttled.status, throttled.body.message]).toEqual([429, "too many failed logins"]);
  expect(Number(throttled.headers.get("retry-after"))).toBeWithin(1, 6);
  expect((await beat(system.authorization)).status).toBe(200);
  await app.clock.advance(60_001);
  expect((await beat(basic(system.system_key, inventedSecret()))).status).toBe(401);
}, 60_000);

describe("behind one address", () => {
  test("300 invented keys are ten 401 and 290 429, and cost ten lookups and one reading of what exists", async () => {
    await using app = await openTestApp();
    await app.addSystem();
    const { login, statements, throttled, retryAfter } = freshAuthenticator(app);
    expect(await tryInventedKeys(login, { from: NAT, count: 300 })).toEqual({ 401: 10, 429: 290 });
    expect(statements()).toBe(11);
    expect(new Set(throttled)).toEqual(new Set([NAT]));
    expect(retryAfter()).toBeWithin(1, 6);
  }, 60_000);

  test("as many sent at once get and cost no more", async () => {
    await using app = await openTestApp();
    await app.addSystem();
    const { login, statements } = freshAuthenticator(app);
    expect(await tryInventedKeys(login, { from: NAT, count: 300, atOnce: 300 })).toEqual({ 401: 10, 429: 290 });
    expect(statements()).toBe(11);
  }, 60_000);

  test("a neighbour that nobody remembers gets in after all of that, and so does the system whose key is tried", async () => {
    await using app = await openTestApp();
    const [attacked, neighbour] = [await app.addSystem("Attacked"), await app.addSystem("Neighbour")];
    const { login, statements } = freshAuthenticator(app);
    await tryInventedKeys(login, { from: NAT, count: 100 });
    await tryWrongSecrets(login, attacked.system_key, { from: NAT, count: 100 });
    expect(await tryWrongHalves(login, attacked, { from: NAT, count: 100 })).toEqual({ 429: 100 });
    expect(statements()).toBe(12);
    expect(await login(NAT, attacked.authorization)).toBe(200);
    expect(await login(NAT, neighbour.authorization)).toBe(200);
    expect(await login("192.0.2.2", basic(neighbour.system_key, inventedSecret()))).toBe(401);
  }, 60_000);

  test("a broken appliance with an old secret does not lock out the same key's right secret, before or after it", async () => {
    await using app = await openTestApp();
    const system = await app.addSystem();
    const { system_secret } = await app.app.api.systems.rotate(OWNER, system.system_key, 0);
    const { login } = freshAuthenticator(app);
    for (let count = 0; count < 30; count += 1) await login(NAT, system.authorization);
    expect(await login(NAT, basic(system.system_key, system_secret))).toBe(200);
  }, 60_000);

  test("two hundred appliances at once beside an attack are all let in, by one lookup each", async () => {
    await using app = await openTestApp({ REGISTER_RATE_PER_MINUTE: "1000" });
    const systems = [];
    for (let count = 0; count < 200; count += 1) systems.push(await app.addSystem());
    const { login, statements } = freshAuthenticator(app);
    await tryInventedKeys(login, { from: NAT, count: 20 });
    const before = statements();
    const statuses = await Promise.all(systems.map(({ authorization }) => login(NAT, authorization)));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(statements() - before).toBeLessThanOrEqual(201);
  }, 20_000);

  test("what was made while an address is throttled opens within ten seconds", async () => {
    await using app = await openTestApp();
    const { login } = freshAuthenticator(app);
    await tryInventedKeys(login, { from: NAT, count: 20 });
    const system = await app.addSystem();
    expect(await login(NAT, system.authorization)).toBe(429);
    await app.clock.advance(10_000);
    expect(await login(NAT, system.authorization)).toBe(200);
  }, 60_000);

  test("a suspended system that goes on with its right secret costs one lookup a second, and is let in once it is resumed", async () => {
    await using app = await openTestApp();
    const system = await app.addSystem();
    await app.app.api.systems.suspend(OWNER, system.system_key);
    const { login, statements, authenticator } = freshAuthenticator(app, 3);
    for (let count = 0; count < 4; count += 1) await login(NAT, system.authorization);
    const before = statements();
    for (let count = 0; count < 50; count += 1) expect(await login(NAT, system.authorization)).toBe(429);
    expect(statements() - before).toBe(0);
    await app.app.api.systems.resume(OWNER, system.system_key);
    authenticator.forget(system.system_key);
    expect(await login(NAT, system.authorization)).toBe(200);
  }, 60_000);

  test("successes use up nothing", async () => {
    await using app = await openTestApp();
    const system = await app.addSystem();
    const { login, authenticator } = freshAuthenticator(app, 1);
    for (let count = 0; count < 5; count += 1) {
      authenticator.forget(system.system_key);
      expect(await login(NAT, system.authorization)).toBe(200);
    }
  }, 60_000);
});

test("the addresses of an IPv6 /64 are one client, and another /64 is another", async () => {
  await using app = await openTestApp();
  const { login } = freshAuthenticator(app);
  const within = (index: number) => `2001:db8:0:1::${(index + 1).toString(16)}`;
  expect(await tryInventedKeys(login, { from: within, count: 40 })).toEqual({ 401: 10, 429: 30 });
  expect(await tryInventedKeys(login, { from: "2001:db8:0:2::1", count: 1 })).toEqual({ 401: 1 });
  expect(await tryInventedKeys(login, { from: "::ffff:192.0.2.1", count: 10 })).toEqual({ 401: 10 });
  expect(await tryInventedKeys(login, { from: NAT, count: 1 })).toEqual({ 429: 1 });
}, 60_000);

test("a key that is tried from everywhere is looked up ten times a minute, and its system gets in from anywhere", async () => {
  await using app = await openTestApp();
  const [attacked, neighbour] = [await app.addSystem("Attacked"), await app.addSystem("Neighbour")];
  const { login, statements } = freshAuthenticator(app);
  const from = (index: number) => `198.51.100.${index}`;
  expect(await tryWrongSecrets(login, attacked.system_key, { from, count: 200 })).toEqual({ 401: 10, 429: 190 });
  expect(statements()).toBe(11);
  expect(await login("203.0.113.1", basic(neighbour.system_key, withWrongHalf(neighbour.system_secret)))).toBe(401);
  expect(await login("203.0.113.1", attacked.authorization)).toBe(200);
}, 60_000);

test("a thousand requests that come at once with one credential cost one look at the database", async () => {
  await using muster = await openTestApp();
  const system = await muster.addSystem();
  const { login, statements } = freshAuthenticator(muster);
  const statuses = await Promise.all(Array.from({ length: 1_000 }, () => login(NAT, system.authorization)));
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(statements()).toBe(1);
}, 60_000);
