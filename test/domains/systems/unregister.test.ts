// POST /systems/unregister: the end of a registration, which the same secret cannot undo.
import { expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { basic, openTestApp } from "../../support/app.ts";

test("the first call succeeds without a body, every later one with that secret is refused", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  const call = (path: string) =>
    app.request("POST", `/collect/api/systems/${path}`, { authorization: system.authorization });
  await call("heartbeat");
  await app.app.runner.drain();
  const answer = await call("unregister");
  expect([answer.status, answer.body.data]).toEqual([200, { system_key: system.system_key }]);
  for (const path of ["unregister", "heartbeat", "inventory"]) expect((await call(path)).status).toBe(401);
  const again = await app.request("POST", "/api/systems/register", {
    body: JSON.stringify({ system_secret: system.system_secret }),
  });
  expect(again.status).toBe(401);
  const { status, registered_at } = await app.app.api.systems.show(OWNER, system.system_key);
  expect({ status, registered_at }).toEqual({ status: "unknown", registered_at: null });
}, 60_000);

test("an operator can give it a new secret, with which it registers anew and counts as heard only then", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  await app.request("POST", "/api/systems/heartbeat", { authorization: system.authorization });
  await app.request("POST", "/api/systems/unregister", { authorization: system.authorization });
  const { system_secret } = await app.app.api.systems.rotate(OWNER, system.system_key, 0);
  await app.clock.advance(1_000);
  const registered = await app.request("POST", "/api/systems/register", { body: JSON.stringify({ system_secret }) });
  expect([registered.status, registered.body.data]).toEqual([
    200,
    { system_key: system.system_key, registered_at: "2026-01-01T00:00:01.000Z" },
  ]);
  await app.app.runner.drain(); // the beat of before
  expect((await app.app.api.systems.show(OWNER, system.system_key)).status).toBe("unknown");
  const authorization = basic(system.system_key, system_secret);
  expect((await app.request("POST", "/api/systems/heartbeat", { authorization })).status).toBe(200);
  await app.app.runner.drain();
  expect((await app.app.api.systems.show(OWNER, system.system_key)).status).toBe("active");
}, 60_000);
