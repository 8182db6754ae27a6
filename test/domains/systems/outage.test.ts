// The database is away: systems are asked to come again soon, never told that they are unknown.
import { expect, test } from "bun:test";
import { openTestApp } from "../../support/app.ts";
import { createSeverableDatabase } from "../../support/severable.ts";

test("login, registration and operators get 503 with a short wait, and are served again as soon as it is back", async () => {
  await using way = await createSeverableDatabase();
  await using app = await openTestApp({ AUTH_FAILURES_PER_MINUTE: "2" }, { url: way.url, database: way.direct });
  const known = await app.addSystem("Known");
  const fresh = await app.addSystem("Fresh", { registered: false });
  const beat = (authorization: string) => app.request("POST", "/api/systems/heartbeat", { authorization });
  const register = () =>
    app.request("POST", "/api/systems/register", { body: JSON.stringify({ system_secret: fresh.system_secret }) });
  await app.admin("GET", "/api/admin/systems");

  await way.cut();
  for (let count = 0; count < 4; count += 1) {
    const answers = [await beat(known.authorization), await register(), await app.admin("GET", "/api/admin/systems")];
    for (const answer of answers) {
      expect([answer.status, answer.body]).toEqual([
        503,
        { code: 503, message: "The database is not available right now.", data: null } as never,
      ]);
      expect(Number(answer.headers.get("retry-after"))).toBeWithin(1, 6);
    }
  }
  await way.mend();
  expect((await beat(known.authorization)).status).toBe(200);
  expect((await register()).status).toBe(200);
  expect((await beat(fresh.authorization)).status).toBe(200);
}, 60_000);

test("a system that is remembered is told so too, since its beat cannot be kept", async () => {
  await using way = await createSeverableDatabase();
  await using app = await openTestApp({}, { url: way.url, database: way.direct });
  const { authorization } = await app.addSystem();
  const beat = () => app.request("POST", "/api/systems/heartbeat", { authorization });
  expect((await beat()).status).toBe(200);
  await way.cut();
  const answer = await beat();
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get("retry-after"))).toBeWithin(1, 6);
  await way.mend();
  expect((await beat()).status).toBe(200);
}, 60_000);
