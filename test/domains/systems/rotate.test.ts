// Rotation: a new secret beside the old one for a chosen time, and the list of who still uses the old one.
import { expect, test } from "bun:test";
import { basic, openTestApp } from "../../support/app.ts";
import type { TestApp, TestSystem } from "../../support/app.ts";
import type { OldSecret, RotatedSecret } from "../../../src/domains/systems/schema.ts";

const rotate = (app: TestApp, system: TestSystem, body: unknown) =>
  app.admin<RotatedSecret>("POST", `/api/admin/systems/${system.system_key}/rotate`, body);
const oldSecrets = async (app: TestApp) =>
  (await app.admin<{ secrets: OldSecret[] }>("GET", "/api/admin/systems/old-secrets")).body.data.secrets;
const beat = async (app: TestApp, key: string, secret: string) =>
  (await app.request("POST", "/api/systems/heartbeat", { authorization: basic(key, secret) })).status;

test("both secrets open until the overlap ends, then only the new one", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  const { status, body } = await rotate(app, system, { overlap_seconds: 3600 });
  expect([status, body.data.old_secret_expires_at]).toEqual([200, "2026-01-01T01:00:00.000Z"]);
  expect(await beat(app, system.system_key, system.system_secret)).toBe(200);
  expect(await beat(app, system.system_key, body.data.system_secret)).toBe(200);
  await app.clock.advance(3_600_000);
  expect(await beat(app, system.system_key, system.system_secret)).toBe(401);
  expect(await beat(app, system.system_key, body.data.system_secret)).toBe(200);
}, 60_000);

test("without an overlap every older secret ends at once", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  const first = (await rotate(app, system, { overlap_seconds: 3600 })).body.data;
  const second = (await rotate(app, system, {})).body.data;
  expect(second.old_secret_expires_at).toBeNull();
  expect(await beat(app, system.system_key, system.system_secret)).toBe(401);
  expect(await beat(app, system.system_key, first.system_secret)).toBe(401);
  expect(await beat(app, system.system_key, second.system_secret)).toBe(200);
}, 60_000);

test("a second rotation does not prolong the secret that the first one ended", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  await rotate(app, system, { overlap_seconds: 60 });
  await rotate(app, system, { overlap_seconds: 3600 });
  const secrets = await oldSecrets(app);
  expect(secrets.map((secret) => new Date(secret.expires_at).toISOString()).toSorted()).toEqual([
    "2026-01-01T00:01:00.000Z",
    "2026-01-01T01:00:00.000Z",
  ]);
}, 60_000);

test("lists who still uses an old secret, latest first, until it has ended", async () => {
  await using app = await openTestApp();
  const [user, idle, done] = [await app.addSystem("User"), await app.addSystem("Idle"), await app.addSystem("Done")];
  for (const system of [user, idle]) await rotate(app, system, { overlap_seconds: 600 });
  await rotate(app, done, {});
  await app.clock.advance(5_000);
  await beat(app, user.system_key, user.system_secret);
  const listed = await oldSecrets(app);
  expect(listed.map(({ name, last_used_at }) => [name, last_used_at])).toEqual([
    ["User", "2026-01-01T00:00:05.000Z"],
    ["Idle", null],
  ]);
  expect(listed[0]?.secret_public).toBe(user.system_secret.slice(3, 23));
  expect(JSON.stringify(listed)).not.toContain(user.system_secret.slice(24));
  await app.clock.advance(600_000);
  expect(await oldSecrets(app)).toEqual([]);
}, 60_000);

test("a system that has not registered can register with either secret while both are valid", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem("New", { registered: false });
  await rotate(app, system, { overlap_seconds: 60 });
  const body = JSON.stringify({ system_secret: system.system_secret });
  expect((await app.request("POST", "/api/systems/register", { body })).status).toBe(200);
}, 60_000);

test("an overlap that is no whole number from 0 to 90 days is 400", async () => {
  await using app = await openTestApp();
  const system = await app.addSystem();
  for (const overlap_seconds of [-1, 1.5, "60", 7_776_001, null]) {
    const { status, body } = await rotate(app, system, { overlap_seconds });
    expect([status, body.message]).toEqual([
      400,
      `invalid request body: overlap_seconds must be a whole number from 0 to 7776000, got ${JSON.stringify(overlap_seconds)}`,
    ]);
  }
  expect(await beat(app, system.system_key, system.system_secret)).toBe(200);
}, 60_000);
