// GET /api/admin/systems: search, filters and pages.
import { expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { encodeCursor } from "../../../src/http/edge/cursor.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";

interface Page {
  systems: { system_id: string; system_key: string; name: string; status: string }[];
  next_cursor: string | null;
}

const list = (app: TestApp, query: Record<string, string> = {}) =>
  app.admin<Page>("GET", `/api/admin/systems?${new URLSearchParams(query)}`);
const names = async (app: TestApp, query: Record<string, string>) =>
  (await list(app, query)).body.data.systems.map((system) => system.name);

async function pages(app: TestApp, query: Record<string, string>, between = async () => {}): Promise<string[]> {
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const { status, body }: Awaited<ReturnType<typeof list>> = await list(app, { ...query, cursor });
    expect(status).toBe(200);
    seen.push(...body.data.systems.map((system) => system.name));
    cursor = body.data.next_cursor;
    await between();
  }
  return seen;
}

test("shows each system with every field, and never a secret", async () => {
  await using app = await openTestApp();
  const { system_id, system_key, system_secret } = await app.addSystem("Branch 12");
  const { body, text, headers } = await list(app);
  expect(body.data).toMatchObject({
    systems: [
      {
        system_id,
        system_key,
        name: "Branch 12",
        type: null,
        fqdn: null,
        version: null,
        ipv4_address: null,
        ipv6_address: null,
        status: "unknown",
        last_heartbeat: null,
        last_inventory_at: null,
        created_at: "2026-01-01T00:00:00.000Z",
        registered_at: "2026-01-01T00:00:00.000Z",
        suspended_at: null,
        organization_id: "default",
      } as never,
    ],
    next_cursor: null,
  });
  expect(text).not.toContain(system_secret.slice(3, 23));
  expect(headers.get("cache-control")).toBe("no-store");
}, 60_000);

test("pages through 10,000 systems without skipping or repeating one, also names that differ in case or not at all", async () => {
  await using app = await openTestApp();
  await app.database.query(
    `insert into systems (id, name, organization_id, system_key, created_at)
     select gen_random_uuid(), case n % 4 when 0 then 'same' when 1 then 'SAME ' || n else 'Ünï ' || n end, 'default', 'K-' || n, now()
     from generate_series(1, 10000) n`,
  );
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const { body }: Awaited<ReturnType<typeof list>> = await list(app, { limit: "200", cursor });
    seen.push(...body.data.systems.map((system) => system.system_key));
    cursor = body.data.next_cursor;
  }
  expect(seen).toHaveLength(10_000);
  expect(new Set(seen).size).toBe(10_000);
}, 60_000);

test("a system that comes or goes between two pages moves no other", async () => {
  await using app = await openTestApp();
  for (const name of ["B", "D", "F", "H"]) await app.addSystem(name);
  let turn = 0;
  const seen = await pages(app, { limit: "2" }, async () => {
    turn += 1;
    if (turn === 1) await app.addSystem("A");
    if (turn === 1) await app.addSystem("G");
  });
  expect(seen).toEqual(["B", "D", "F", "G", "H"]);
}, 60_000);

test("searches name, key, host name, version and address for the text as it is, wildcards and quotes included", async () => {
  await using app = await openTestApp();
  const odd = ["100% sure", "a_b", "aXb", 'O\'Hara "x"', "back\\slash", "semi; drop table systems"];
  for (const name of odd) await app.addSystem(name);
  const { system_key } = await app.addSystem("Plain");
  await app.database.query(
    "update systems set fqdn = 'gw.example.org', version = '8.6.1', ipv4_address = '192.0.2.77' where name = 'Plain'",
  );
  expect(await names(app, { search: "%" })).toEqual(["100% sure"]);
  expect(await names(app, { search: "_" })).toEqual(["a_b"]);
  expect(await names(app, { search: "\\" })).toEqual(["back\\slash"]);
  expect(await names(app, { search: 'o\'hara "X"' })).toEqual(['O\'Hara "x"']);
  expect(await names(app, { search: "; DROP TABLE" })).toEqual(["semi; drop table systems"]);
  for (const search of [system_key.slice(4, 20).toLowerCase(), "GW.EXAMPLE", "8.6.1", "2.77"])
    expect(await names(app, { search })).toEqual(["Plain"]);
  expect(await names(app, { search: "nowhere" })).toEqual([]);
}, 60_000);

test("filters by status and organisation, where suspended is a status of its own", async () => {
  await using app = await openTestApp();
  const suspended = await app.addSystem("Suspended", { organization: "acme" });
  const active = await app.addSystem("Active", { organization: "acme" });
  await app.addSystem("Unknown", { organization: "other" });
  await app.request("POST", "/api/systems/heartbeat", { authorization: active.authorization });
  await app.app.runner.drain();
  await app.app.api.systems.suspend(OWNER, suspended.system_key);
  expect(await names(app, { status: "suspended" })).toEqual(["Suspended"]);
  expect(await names(app, { status: "active" })).toEqual(["Active"]);
  expect(await names(app, { status: "unknown" })).toEqual(["Unknown"]);
  expect(await names(app, { organization: "acme" })).toEqual(["Active", "Suspended"]);
  expect(await names(app, { organization: "acme", status: "inactive" })).toEqual([]);
}, 60_000);

test("refuses a cursor that is forged, damaged or of another list with 400", async () => {
  await using app = await openTestApp();
  for (const name of ["A", "B", "C"]) await app.addSystem(name);
  const { next_cursor } = (await list(app, { limit: "1" })).body.data;
  const forged = ["x", "e30", "W10", "!!", encodeCursor("a"), encodeCursor("a", "b"), encodeCursor("a", "b", "c")];
  forged.push(encodeCursor("a\0", "00000000-0000-0000-0000-000000000000"), (next_cursor ?? "").slice(0, -6));
  forged.push(Buffer.from('{"0":"a","1":"b","length":2}').toString("base64url"), "9".repeat(5_000));
  for (const cursor of forged) {
    const { status, body } = await list(app, { cursor });
    expect([status, body.message.startsWith("invalid query: cursor")]).toEqual([400, true]);
  }
}, 60_000);

test("refuses bad limits, unknown names and unreadable text with 400 that says which and what", async () => {
  await using app = await openTestApp();
  const limits = ["0", "-1", "201", "1.5", "abc", "1e1", "0x10", "true", " 1", "99999999999999999999"];
  for (const limit of limits) {
    const { status, body } = await list(app, { limit });
    expect([status, body.message]).toEqual([
      400,
      `invalid query: limit must be a whole number from 1 to 200, got ${JSON.stringify(limit)}`,
    ]);
  }
  const unknown = await list(app, { serach: "x", toString: "y" } as never);
  expect([unknown.status, unknown.body.message]).toEqual([
    400,
    "invalid query: serach is not known here; known are search, status, organization, limit, cursor; " +
      "toString is not known here; known are search, status, organization, limit, cursor",
  ]);
  const both = await list(app, { limit: "0", status: "dead" });
  expect(both.body.message).toContain("limit must be");
  expect(both.body.message).toContain("status must be one of unknown, active, inactive, suspended");
  for (const name of ["search", "organization", "cursor"])
    expect((await list(app, { [name]: "a\0b" })).status).toBe(400);
}, 60_000);
