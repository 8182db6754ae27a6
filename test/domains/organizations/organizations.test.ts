// Organisations: kept, shown, and shut out as a whole.
import { expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp, TestSystem } from "../../support/app.ts";
import { createTestDatabase } from "../../support/postgres.ts";

const path = "/api/admin/organizations";
const beat = async (app: TestApp, { authorization }: TestSystem) =>
  (await app.request("POST", "/api/systems/heartbeat", { authorization })).status;

test("an organisation is created with 201, once, and shown with its systems", async () => {
  await using app = await openTestApp();
  await app.addSystem("a", { organization: "acme" });
  const given = { id: "acme", name: "Acme", type: "customer", tenant: "reseller-1", vat: "IT01234567890" };
  const { status, body } = await app.admin("POST", path, given);
  expect([status, body.data]).toEqual([
    201,
    { ...given, type: "customer", systems: 1, created_at: "2026-01-01T00:00:00.000Z", suspended_at: null },
  ]);
  const again = await app.admin("POST", path, given);
  expect([again.status, again.body.message]).toEqual([409, 'there is an organization "acme" already']);
}, 60_000);

test("organisations that only systems name are listed too, in order, page by page", async () => {
  await using app = await openTestApp();
  for (const organization of ["c", "a", "b"]) await app.addSystem("x", { organization });
  await app.admin("POST", path, { id: "bb", name: "B B" });
  const seen: unknown[] = [];
  let cursor: unknown = "";
  do {
    const { body } = await app.admin<{ organizations: { id: string; systems: number }[]; next_cursor: unknown }>(
      "GET",
      `${path}?limit=3&cursor=${cursor}`,
    );
    seen.push(...body.data.organizations.map(({ id, systems }) => [id, systems]));
    cursor = body.data.next_cursor;
  } while (cursor);
  expect(seen).toEqual([
    ["a", 1],
    ["b", 1],
    ["bb", 0],
    ["c", 1],
  ]);
}, 60_000);

test("what is not given stays as it is when an organisation changes", async () => {
  await using app = await openTestApp();
  await app.admin("POST", path, { id: "acme", name: "Acme", tenant: "t1", vat: "1" });
  const { body } = await app.admin("PATCH", `${path}/acme`, { name: "Acme Ltd" });
  expect(body.data).toMatchObject({ name: "Acme Ltd", tenant: "t1", vat: "1", type: "owner" });
}, 60_000);

test.each([
  [{ id: "", name: "x" }, "id must be a string of 1 to 255 characters"],
  [{ id: "x" }, "name must be a string of 1 to 255 characters, got nothing"],
  [{ id: "x", name: "x", type: "partner" }, "type must be one of owner, distributor, reseller, customer"],
  [{ id: "x", name: "x", tenant: "a/b" }, "tenant must look like"],
  [{ id: "x", name: "a\nb" }, "name must be a line of text"],
  [{ id: "x", name: "x", owner: true }, "owner is not known here"],
])(
  "refuses %j with 400 and names the field",
  async (given, sentence) => {
    await using app = await openTestApp();
    const { status, body } = await app.admin("POST", path, given);
    expect(status).toBe(400);
    expect(body.message).toContain(sentence);
  },
  60_000,
);

test("an organisation that nobody names is a 404 for every verb", async () => {
  await using app = await openTestApp();
  const answers = [
    await app.admin("GET", `${path}/nobody`),
    await app.admin("PATCH", `${path}/nobody`, { name: "x" }),
    await app.admin("POST", `${path}/nobody/suspend`),
    await app.admin("POST", `${path}/nobody/resume`),
  ];
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
}, 60_000);

test("suspending an organisation refuses its systems and nobody else's, until it is resumed", async () => {
  await using app = await openTestApp();
  const ours = [await app.addSystem("a", { organization: "acme" }), await app.addSystem("b", { organization: "acme" })];
  const other = await app.addSystem("c", { organization: "other" });
  const unregistered = await app.addSystem("d", { organization: "acme", registered: false });
  const all = async () => Promise.all([...ours, other].map((system) => beat(app, system)));
  expect(await all()).toEqual([200, 200, 200]);
  await app.admin("POST", `${path}/acme/suspend`);
  expect(await all()).toEqual([401, 401, 200]);
  const body = JSON.stringify({ system_secret: unregistered.system_secret });
  expect((await app.request("POST", "/api/systems/register", { body })).status).toBe(403);
  await app.admin("POST", `${path}/acme/resume`);
  expect(await all()).toEqual([200, 200, 200]);
}, 60_000);

test("another process hears of a suspension by a signal", async () => {
  await using shared = await createTestDatabase();
  await using here = await openTestApp({}, shared);
  await using there = await openTestApp(
    { LISTEN_ADDRESS: "127.0.0.1:0", HEALTH_LISTEN_ADDRESS: "127.0.0.1:0" },
    shared,
  );
  await there.app.start();
  const system = await here.addSystem("a", { organization: "acme" });
  expect(await beat(there, system)).toBe(200);
  await here.app.api.organizations.suspend(OWNER, "acme");
  while ((await beat(there, system)) !== 401) await Bun.sleep(10);
  expect(await beat(there, system)).toBe(401);
}, 60_000);

test("the appliance's own page names its organisation", async () => {
  await using app = await openTestApp();
  const { authorization } = await app.addSystem("a", { organization: "acme" });
  await app.admin("POST", path, { id: "acme", name: "Acme", type: "customer" });
  const { body } = await app.request("GET", "/api/systems/info", { authorization });
  expect(body.data["organization"]).toEqual({
    id: "acme",
    logto_id: "acme",
    name: "Acme",
    type: "customer",
    suspended: false,
    suspended_at: null,
  });
}, 60_000);
