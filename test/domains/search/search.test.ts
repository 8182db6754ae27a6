// Asks questions over the whole fleet through the API: queries, facets, paths, outliers.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openTestApp } from "../../support/app.ts";
import type { TestApp } from "../../support/app.ts";
import { firewall, postInventory } from "../../support/facts.ts";

const FLEET = 120;

let muster: TestApp;
beforeAll(async () => {
  muster = await openTestApp({ REGISTER_RATE_PER_MINUTE: "100000" });
  for (let at = 0; at < FLEET; at++) {
    const system = await muster.addSystem(`Branch ${at}`, { organization: at < 10 ? "acme" : "other" });
    const facts = {
      distro: { version: at === 7 ? "7.9.0" : `8.${at % 12}.0` },
      fqdn: `gw${at}.example.org`,
      cores: at % 4,
      features: {
        docker: { enabled: at % 2 === 0 },
        network: { "eth0.6": { type: at === 33 ? "token-ring" : "vlan" } },
        ...(at % 3 === 0 ? { ha: { role: "primary" } } : {}),
      },
      mountpoints: { "/mnt/data": { fs: "xfs" } },
      'say "hi"': 1,
      modules: [{ id: "mail1", version: `1.${at % 2}` }, ...(at < 5 ? [{ id: "web.2", version: "1.1" }] : [])],
      dns: at % 2 ? ["1.1.1.1", "9.9.9.9"] : ["8.8.8.8"],
      serial: 9_007_199_254_740_993n,
    };
    await postInventory(
      muster,
      system,
      JSON.stringify(firewall(facts), (_key, value: unknown) =>
        typeof value === "bigint" ? JSON.rawJSON(String(value)) : value,
      ),
    );
  }
  await muster.clock.advance(1000);
  await muster.app.runner.drain();
}, 60_000);
afterAll(() => muster[Symbol.asyncDispose](), 60_000);

interface Found {
  total: number;
  systems: { system_id: string; system_key: string; name: string; values: { path: string; value: unknown }[] }[];
  next_cursor: string | null;
}
const ask = <Data>(path: string, query: Record<string, string | number>) => {
  const words = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
  return muster.admin<Data>("GET", `/api/admin/inventory/${path}?${new URLSearchParams(words)}`);
};
const search = async (q: string, more = {}) => (await ask<Found>("query", { q, ...more })).body.data;
const total = async (q: string, more = {}) => (await search(q, more)).total;

describe("a query", () => {
  test.each([
    ['facts.distro.version = "8.6.0"', 10],
    ["facts.distro.version = 8.7.0", 9],
    ["facts.distro.version < 8.2", 21],
    ["facts.distro.version >= 8.10.0", 20],
    ["facts.distro.version > 8.2 and facts.distro.version <= 8.4", 20],
    ["facts.distro.version != 7.9.0", 119],
    ["facts.cores = 2", 30],
    ["facts.cores >= 2", 60],
    ['facts.cores = "2"', 0],
    ["facts.features.docker.enabled = true", 60],
    ["facts.features.docker exists", 120],
    ["facts.features.ha exists", 40],
    ["facts.features.ha missing", 80],
    ["facts.features.ha missing and facts.features.docker.enabled = true", 40],
    ["facts.features.nothing exists", 0],
    ["facts.features.nothing missing", 120],
    ["facts.modules.*.version = 1.1", 63],
    ['facts.modules."web.2".version exists', 5],
    ["facts.modules.*.version != 1.1", 60],
    ['facts.features.network."eth0.6".type = vlan', 119],
    ["facts.features.network.*.type = token-ring", 1],
    ['facts.mountpoints."/mnt/data".fs = xfs', 120],
    ["facts.mountpoints./mnt/data.fs = xfs", 120],
    ['facts."say \\"hi\\"" = 1', 120],
    ['facts."say \\"hi\\"" exists', 120],
    ['facts.features.network."eth0.6" exists and facts.features."network.eth0" missing', 120],
    ['*.network."eth0.6".* = vlan', 0],
    ['*.features.*."eth0.6".* = vlan', 119],
    ["facts.dns[] = 9.9.9.9", 60],
    ["facts.dns[] = 9.9.9.9 and facts.dns[] = 8.8.8.8", 0],
    ["facts.serial = 9007199254740993", 120],
    ["facts.serial = 9007199254740992", 0],
    ["installation = nethsecurity", 120],
    ["facts.fqdn = gw5.example.org and facts.fqdn != gw5.example.org", 0],
    ["facts.'; drop table systems; -- exists", 0],
    ["", 120],
  ])(
    "%s finds %i",
    async (q, count) => {
      const answer = await ask<Found>("query", { q });
      expect(answer.status === 200 ? answer.body.data.total : answer.body.message).toEqual(
        q.includes("drop") ? expect.stringContaining("invalid query at character") : count,
      );
    },
    60_000,
  );

  test("shows the systems, each with what it holds at the places it was asked for", async () => {
    const { systems } = await search(
      'facts.modules."web.2".version = 1.1 and facts.distro.version < 8.1 and facts.features.ha exists',
    );
    expect(systems).toEqual([
      {
        system_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        system_key: expect.stringMatching(/^NOC-/),
        name: "Branch 0",
        values: [
          { path: "facts.distro.version", value: "8.0.0" },
          { path: "facts.features.ha.role", value: "primary" },
          { path: 'facts.modules."web.2".version', value: "1.1" },
        ],
      },
    ]);
    const { text } = await ask("query", { q: "facts.serial exists", limit: 1 });
    expect(text).toContain('"value":9007199254740993}');
  }, 60_000);

  test("is paged through without a gap or a repetition", async () => {
    const names: string[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page: Found = await search("facts.features.docker.enabled = false", {
        limit: 7,
        ...(cursor ? { cursor } : {}),
      });
      expect(page.total).toBe(60);
      names.push(...page.systems.map((system) => system.name));
      cursor = page.next_cursor;
    }
    expect(names).toEqual(Array.from({ length: 60 }, (_, at) => `Branch ${at * 2 + 1}`));
  }, 60_000);

  test("is narrowed by type, status and organisation", async () => {
    expect(await total("facts.cores exists", { type: "nsec" })).toBe(120);
    expect(await total("facts.cores exists", { type: "ns8" })).toBe(0);
    expect(await total("facts.cores = 1", { organization: "acme" })).toBe(3);
    expect(await total("facts.cores exists", { status: "suspended" })).toBe(0);
    expect(await total("", { status: "unknown" })).toBe(120);
  }, 60_000);

  test("that nobody can meet says why", async () => {
    const hints = async (q: string) => (await ask<{ hints: string[] }>("query", { q })).body.data.hints;
    expect(await hints('facts.distro.vers = "8"')).toEqual([
      expect.stringContaining("no inventory has the path facts.distro.vers; there is facts.distro.version"),
    ]);
    expect(await hints('facts.cores = "1"')).toEqual([
      'facts.cores holds 1, not the text "1": write it without quotes',
    ]);
    expect(await hints("facts.cores < many")).toEqual([
      expect.stringContaining("facts.cores holds nothing that many can be compared with"),
    ]);
    expect(await hints("facts.cores = 1")).toEqual([]);
    expect(await hints("facts.cores = 77")).toEqual([]);
    for (const [q, said] of [
      ["facts.dns[0] = 1.1.1.1", "elements have no numbers"],
      ["facts.cores = '1'", 'a text is quoted with "'],
      ["facts.'cores' = 1", 'a name is quoted with "'],
    ] as const)
      expect((await ask("query", { q })).body.message).toContain(said);
  }, 60_000);

  test("that is wrong is a 400 that says what and where", async () => {
    const { status, body } = await ask<{ character: number }>("query", { q: "facts.a = 1 or facts.b = 2" });
    expect(status).toBe(400);
    expect(body.message).toBe('invalid query at character 13: expected "and" or the end of the query, found "or"');
    expect(body.data.character).toBe(13);
    expect((await ask("query", { q: "a".repeat(2001) })).status).toBe(400);
    expect((await ask("query", { q: "a exists", cursor: "x" })).status).toBe(400);
    expect((await ask("query", { query: "a exists" })).body.message).toContain("query is not known here");
    expect((await muster.request("GET", "/api/admin/inventory/query")).status).toBe(401);
  }, 60_000);
});

interface Counted {
  path: string;
  values: { value: unknown; count: number }[];
  more_values: number;
  missing: number;
  hints: string[];
}
const facets = async (query: Record<string, string | number>) => (await ask<Counted>("facets", query)).body.data;

describe("facets", () => {
  test("say which values there are and how many of each", async () => {
    expect(await facets({ path: "facts.features.docker.enabled" })).toEqual({
      path: "facts.features.docker.enabled",
      values: [
        { value: false, count: 60 },
        { value: true, count: 60 },
      ],
      more_values: 0,
      missing: 0,
      hints: [],
    });
    const versions = await facets({ path: "facts.distro.version", limit: 3 });
    expect(versions.values.map((one) => one.count)).toEqual([10, 10, 10]);
    expect(versions.more_values).toBe(10);
    expect((await facets({ path: "facts.features.ha.role" })).missing).toBe(80);
    expect(await facets({ path: "facts.nowhere" })).toEqual({
      path: "facts.nowhere",
      values: [],
      more_values: 0,
      missing: 120,
      hints: ["no inventory has the path facts.nowhere"],
    });
  }, 60_000);

  test("count a system once for a value, wherever it holds it, and only those that a query finds", async () => {
    expect((await facets({ path: "facts.modules.*.version" })).values).toEqual([
      { value: "1.1", count: 63 },
      { value: "1.0", count: 60 },
    ]);
    expect(await facets({ path: "facts.dns[]", q: "facts.cores = 1", organization: "acme" })).toEqual({
      path: "facts.dns[]",
      values: [
        { value: "1.1.1.1", count: 3 },
        { value: "9.9.9.9", count: 3 },
      ],
      more_values: 0,
      missing: 0,
      hints: [],
    });
  }, 60_000);

  test("of a path that is none are a 400", async () => {
    expect((await ask("facets", { path: "a = b" })).body.message).toContain("expected the path to end");
    expect((await ask("facets", {})).status).toBe(400);
  }, 60_000);
});

describe("paths", () => {
  test("are found by a part, each with an example", async () => {
    const { body } = await ask<{ paths: object[] }>("paths", { search: "ETH0" });
    expect(body.data.paths).toEqual([{ path: 'facts.features.network."eth0.6".type', example: expect.any(String) }]);
  }, 60_000);

  test("are paged through in order", async () => {
    const read = async (cursor: string) =>
      (
        await ask<{ paths: { path: string }[]; next_cursor: string | null }>("paths", {
          limit: 4,
          ...(cursor ? { cursor } : {}),
        })
      ).body.data;
    const paths: string[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page: Awaited<ReturnType<typeof read>> = await read(cursor);
      paths.push(...page.paths.map((one) => one.path));
      cursor = page.next_cursor;
    }
    expect(paths).toEqual(paths.toSorted());
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths).toContain('facts.mountpoints."/mnt/data".fs');
    expect(paths).toContain("facts.dns[]");
  }, 60_000);
});

interface OutliersAnswer {
  systems: number;
  enough: boolean;
  outliers: {
    path: string;
    value: unknown;
    count: number;
    usual: unknown;
    usual_count: number;
    holders: { name: string }[];
  }[];
  more: boolean;
}

describe("outliers", () => {
  test("have their former path and member beside the new ones", async () => {
    const now = await ask<OutliersAnswer>("outliers", { type: "nsec" });
    const former = await ask<OutliersAnswer & { odd: unknown }>("odd", { type: "nsec" });
    expect(former).toEqual({ ...now, body: former.body });
    expect(former.body).toEqual(now.body as typeof former.body);
    expect(former.body.data.odd).toEqual(former.body.data.outliers);
    const { body } = await muster.admin<never>("GET", "/api/openapi.json");
    expect(body).toMatchObject({
      paths: {
        "/api/admin/inventory/odd": {
          get: { deprecated: true, description: expect.stringContaining("/inventory/outliers") },
        },
        "/api/admin/inventory/outliers": { get: { summary: expect.any(String) } },
      },
    });
  }, 60_000);

  test("are the values that few systems hold, with those who do", async () => {
    const { body } = await ask<OutliersAnswer>("outliers", { type: "nsec" });
    expect(body.data).toMatchObject({ systems: FLEET, enough: true, more: false });
    expect(
      body.data.outliers.map(({ path, value, count, holders }) => [path, value, count, holders.map((one) => one.name)]),
    ).toEqual([
      ["facts.distro.version", "7.9.0", 1, ["Branch 7"]],
      ['facts.features.network."eth0.6".type', "token-ring", 1, ["Branch 33"]],
    ]);
    expect(body.data.outliers[1]).toMatchObject({ usual: "vlan", usual_count: 119 });
  }, 60_000);

  test("leave out names that everybody has for himself, and paths that few have", async () => {
    const { body } = await ask<OutliersAnswer>("outliers", { type: "nsec" });
    const paths = body.data.outliers.map((one) => one.path);
    expect(paths).not.toContain("facts.fqdn");
    expect(paths).not.toContain('facts.modules."web.2".version');
  }, 60_000);

  test("need a hundred systems of the type", async () => {
    expect((await ask<OutliersAnswer>("outliers", { type: "ns8" })).body.data).toMatchObject({
      systems: 0,
      enough: false,
      outliers: [],
    });
    expect((await ask("outliers", {})).status).toBe(400);
  }, 60_000);
});
