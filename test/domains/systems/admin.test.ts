// The operator's side of one system: create, show, suspend, resume.
import { expect, test } from "bun:test";
import { OWNER } from "../../support/actor.ts";
import { openTestApp } from "../../support/app.ts";
import type { CreatedSystem } from "../../../src/domains/systems/schema.ts";

test("creates a system with 201 and shows its secret this once", async () => {
  await using app = await openTestApp();
  const { status, body } = await app.admin<CreatedSystem>("POST", "/api/admin/systems", { name: "  Branch 12 " });
  expect([status, body.code]).toEqual([201, 201]);
  expect(body.data).toMatchObject({ name: "Branch 12", organization_id: "default" });
  expect(body.data.system_key).toMatch(/^NOC(-[0-9A-F]{4}){8}$/);
  expect(body.data.system_secret).toMatch(/^my_[0-9a-f]{20}\.[0-9a-f]{40}$/);
  const shown = await app.admin("GET", `/api/admin/systems/${body.data.system_key}`);
  expect(shown.text).not.toContain("secret");
}, 60_000);

test("new keys carry the prefix that is set", async () => {
  await using app = await openTestApp({ SYSTEM_KEY_PREFIX: "NETH" });
  expect((await app.addSystem()).system_key).toStartWith("NETH-");
}, 60_000);

test("finds a system by key and by id, in either case of the id", async () => {
  await using app = await openTestApp();
  const { system_id, system_key } = await app.addSystem();
  for (const key of [system_key, system_id, system_id.toUpperCase()]) {
    const { status, body } = await app.admin("GET", `/api/admin/systems/${key}`);
    expect([status, body.data["system_id"]]).toEqual([200, system_id]);
  }
}, 60_000);

test("suspending twice keeps the first time, resuming twice changes nothing", async () => {
  await using app = await openTestApp();
  const { system_key } = await app.addSystem();
  const act = async (verb: string) =>
    (await app.admin("POST", `/api/admin/systems/${system_key}/${verb}`)).body.data["suspended_at"];
  expect(await act("suspend")).toBe("2026-01-01T00:00:00.000Z");
  await app.clock.advance(1_000);
  expect(await act("suspend")).toBe("2026-01-01T00:00:00.000Z");
  expect(await act("resume")).toBeNull();
  expect(await act("resume")).toBeNull();
}, 60_000);

test("refuses names that are no line of text, and fields it does not know, with 400", async () => {
  await using app = await openTestApp();
  const faults: [body: unknown, message: string][] = [
    [{}, "name must be a string of 1 to 255 characters, got nothing"],
    [{ name: "" }, 'name must be a string of 1 to 255 characters, got ""'],
    [{ name: 7 }, "name must be a string of 1 to 255 characters, got 7"],
    [{ name: "  " }, 'name must be a line of text, got "  "'],
    [{ name: "a\0b" }, 'name must be a line of text, got "a\\u0000b"'],
    [{ name: "a\nb" }, 'name must be a line of text, got "a\\nb"'],
    [{ name: "x", organization_id: "\u001b[2J" }, 'organization_id must be a line of text, got "\\u001b[2J"'],
    [{ name: "x", secret: "y" }, "secret is not known here; known are name, organization_id, registered"],
    [[], "body must be an object, got []"],
  ];
  for (const [given, message] of faults) {
    const { status, body } = await app.admin("POST", "/api/admin/systems", given);
    expect([status, body.message]).toEqual([400, `invalid request body: ${message}`]);
  }
  expect((await app.admin("POST", "/api/admin/systems", { name: "x".repeat(256) })).status).toBe(400);
}, 60_000);

test("a lone surrogate in a name is replaced, as the database would", async () => {
  await using app = await openTestApp();
  const { body } = await app.admin<CreatedSystem>("POST", "/api/admin/systems", { name: "a\ud800b" });
  expect(body.data.name).toBe("a\ufffdb");
  expect((await app.app.api.systems.show(OWNER, body.data.system_key)).name).toBe("a\ufffdb");
}, 60_000);

test("every verb on an unknown key is 404 with the key in it, on one that is no text 400", async () => {
  await using app = await openTestApp();
  const verbs: [string, string][] = [
    ["GET", ""],
    ["POST", "/suspend"],
    ["POST", "/resume"],
    ["POST", "/rotate"],
    ["DELETE", ""],
  ];
  for (const [method, verb] of verbs) {
    const { status, body } = await app.admin(
      method,
      `/api/admin/systems/NOC-X${verb}`,
      method === "GET" ? undefined : {},
    );
    expect([status, body.message]).toEqual([404, 'system not found: no system has the key or id "NOC-X"']);
    for (const key of ["%ff", "%00", "a%00b"])
      expect((await app.admin(method, `/api/admin/systems/${key}${verb}`)).status).toBe(400);
  }
}, 60_000);
