// Failed logins are slowed down per address and key, and nobody else with them.
import { expect, test } from "bun:test";
import { Failure } from "../../../src/errors.ts";
import { basic, openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";

const from = (address: string) => ({ requestIP: () => ({ address }) });

/** The status that a login from an address gets. */
async function login(app: TestApp, address: string, authorization: string): Promise<number> {
  const request = new Request("http://localhost/", { headers: { authorization } });
  try {
    await app.app.systems.authenticate(request, from(address));
    return 200;
  } catch (error) {
    if (error instanceof Failure) return error.status;
    throw error;
  }
}

const WRONG = `my_${"a".repeat(20)}.${"b".repeat(40)}`;

test("after ten failures in a minute the pair waits, a few seconds at a time, without being judged", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  const wrong = basic(system.system_key, WRONG);
  const beat = (authorization: string) => app.request("POST", "/api/systems/heartbeat", { authorization });
  for (let count = 0; count < 10; count += 1) expect((await beat(wrong)).status).toBe(401);
  const throttled = await beat(wrong);
  expect([throttled.status, throttled.body.message]).toEqual([429, "too many failed logins"]);
  expect(Number(throttled.headers.get("retry-after"))).toBeWithin(1, 6);
  expect((await beat(system.authorization)).status).toBe(429);
  await app.clock.advance(60_001);
  expect((await beat(system.authorization)).status).toBe(200);
});

test("a system that is known already goes on beating while somebody else guesses at its key", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  expect(await login(app, "192.0.2.1", system.authorization)).toBe(200);
  for (let count = 0; count < 20; count += 1) await login(app, "192.0.2.1", basic(system.system_key, WRONG));
  expect(await login(app, "192.0.2.1", system.authorization)).toBe(200);
});

test("guessing never locks out another key, nor the same key from another address", async () => {
  await using app = await openTestApp();
  const [attacked, neighbour] = [await app.addSystem("Attacked"), await app.addSystem("Neighbour")];
  for (let count = 0; count < 20; count += 1) await login(app, "192.0.2.1", basic(attacked.system_key, WRONG));
  expect(await login(app, "192.0.2.1", basic(attacked.system_key, WRONG))).toBe(429);
  expect(await login(app, "192.0.2.1", neighbour.authorization)).toBe(200);
  expect(await login(app, "192.0.2.2", attacked.authorization)).toBe(200);
});

test("guesses sent all at once get no more answers than guesses one by one", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  const guesses = Array.from({ length: 40 }, () => login(app, "192.0.2.1", basic(system.system_key, WRONG)));
  const statuses = await Promise.all(guesses);
  expect(statuses.filter((status) => status === 401)).toHaveLength(10);
  expect(statuses.filter((status) => status === 429)).toHaveLength(30);
});

test("successes use up nothing", async () => {
  await using app = await openTestApp({ AUTH_FAILURES_PER_MINUTE: "1" });
  const system = await app.addSystem();
  for (let count = 0; count < 5; count += 1) {
    await app.app.systems.resume(system.system_key); // forgets what is remembered
    expect(await login(app, "192.0.2.1", system.authorization)).toBe(200);
  }
});
