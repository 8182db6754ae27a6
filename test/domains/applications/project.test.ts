// Checks applications on the real store: in step with the newest inventory, never lost to a partial one, listed and counted.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { OWNER } from "../../support/actor.ts";
import { openTestApp } from "../../support/app.ts";
import type { TestApp, TestSystem } from "../../support/app.ts";
import { backendsOf, cpuSpent } from "../../support/cpu.ts";

const FIXTURES = join(import.meta.dir, "../../support/fixtures/inventories");

let muster: TestApp;
beforeAll(async () => {
  muster = await openTestApp({ REGISTER_RATE_PER_MINUTE: "10000" });
}, 240_000);
afterAll(() => muster[Symbol.asyncDispose](), 60_000);

const post = async (system: TestSystem, document: unknown) => {
  const body = typeof document === "string" ? document : JSON.stringify(document);
  const { status } = await muster.request("POST", "/api/systems/inventory", {
    authorization: system.authorization,
    body,
  });
  expect(status).toBe(200);
  await muster.clock.advance(1000);
  await muster.app.runner.drain();
  expect(await muster.app.queue.list("muster:inventory-state", "dead", 1)).toEqual([]);
};

interface Listed {
  applications: Record<string, unknown>[];
  counts: { instance_of: string; applications: number; systems: number }[];
  next_cursor: string | null;
}

const list = async (system: TestSystem, query = "") =>
  (await muster.admin<Listed>("GET", `/api/admin/systems/${system.system_key}/applications${query}`)).body.data;
const ids = async (system: TestSystem, query = "") =>
  (await list(system, query)).applications.map((one) => one["module_id"]);

const module = (id: string, more: Record<string, unknown> = {}) => ({
  id,
  module: id.replace(/\d+$/, ""),
  node: "1",
  ...more,
});
const cluster = (modules: unknown, more: Record<string, unknown> = {}) => ({
  installation: "nethserver",
  facts: {
    cluster: { leader_node_id: "1" },
    nodes: { "1": { cluster_leader: true, fqdn: "srv.example.org" } },
    modules,
    ...more,
  },
});

test("a real cluster's applications are all there, with links to its leader", async () => {
  const system = await muster.addSystem();
  const text = await Bun.file(join(FIXTURES, "ns8-inventory.json")).text();
  await post(system, text);
  const { facts } = JSON.parse(text);
  const { applications, counts } = await list(system);
  expect(applications).toHaveLength(facts.modules.length);
  expect(counts.reduce((sum, one) => sum + one.applications, 0)).toBe(facts.modules.length);
  for (const one of facts.modules) {
    expect(applications.find((row) => row["module_id"] === one.id)).toMatchObject({
      id: `${system.system_id}-${one.id}`,
      instance_of: one.module,
      version: one.version,
      node_id: Number(one.node),
      deleted_at: null,
    });
  }
  const nextcloud = applications.find((one) => one["instance_of"] === "nextcloud");
  expect(nextcloud?.["url"]).toBe(`https://${facts.nodes["1"].fqdn}/cluster-admin/#/apps/${nextcloud?.["module_id"]}`);
  expect(applications.filter((one) => one["instance_of"] === "traefik").map((one) => one["url"])).not.toContainEqual(
    expect.any(String),
  );
}, 240_000);

describe("from one inventory to the next", () => {
  test("an application comes, changes, goes and comes back", async () => {
    const system = await muster.addSystem();
    await post(system, cluster([module("mail1", { version: "1", name: "Mail" }), module("web1")]));
    const [first] = (await list(system)).applications;
    await post(system, cluster([module("mail1", { version: "2" }), module("web2")]));
    expect(await ids(system)).toEqual(["mail1", "web2"]);
    expect(await ids(system, "?deleted=true")).toEqual(["mail1", "web1", "web2"]);
    const [changed] = (await list(system)).applications;
    expect(changed).toMatchObject({ version: "2", name: "Mail", first_seen_at: first?.["first_seen_at"] });
    expect(changed?.["updated_at"]).not.toBe(first?.["updated_at"]);
    await post(system, cluster([module("mail1"), module("web1"), module("web2")]));
    expect(await ids(system)).toEqual(["mail1", "web1", "web2"]);
    expect((await list(system)).applications[0]).toMatchObject({ version: null, name: "Mail" });
    expect((await list(system)).counts).toEqual([
      { instance_of: "web", applications: 2, systems: 1 },
      { instance_of: "mail", applications: 1, systems: 1 },
    ]);
  }, 240_000);

  test("what stayed the same is not written again", async () => {
    const system = await muster.addSystem();
    await post(system, cluster([module("mail1"), module("web1")]));
    const versions = () =>
      muster.database.query(`select id, xmin::text, updated_at from applications where system_id = $1 order by id`, [
        system.system_id,
      ]);
    const before = await versions();
    await post(system, cluster([module("web1"), module("mail1")], { timezone: "UTC" }));
    expect(await versions()).toEqual(before);
  }, 240_000);

  test.each([
    ["facts are missing", { installation: "nethserver" }],
    ["facts are null", { installation: "nethserver", facts: null }],
    ["modules are null", cluster(null)],
    ["modules are empty", cluster([])],
    ["modules are missing", cluster(undefined)],
    ["modules are an object", cluster({ mail1: {} })],
    ["no module is valid", cluster([{ id: "mail1" }, { module: "web" }])],
    ["one element has no name", cluster([module("mail1"), null])],
    ["a module that is there has lost its kind", cluster([module("mail1"), { id: "web1", module: 7 }])],
    ["it is another kind of document", { facts: { modules: [module("x1")] } }],
  ])(
    "nothing is taken for gone when %s",
    async (_name, document) => {
      const system = await muster.addSystem();
      await post(system, cluster([module("mail1"), module("web1")]));
      await post(system, document);
      expect(await ids(system)).toEqual(["mail1", "web1"]);
    },
    240_000,
  );

  test("what is on a node that did not answer is not taken for gone", async () => {
    const system = await muster.addSystem();
    await post(system, cluster([module("mail1"), module("web1", { node: "2" }), module("dav1", { node: "2" })]));
    await post(system, cluster([module("web1", { node: "2" })]));
    expect(await ids(system)).toEqual(["dav1", "web1"]);
  }, 240_000);

  test("an older inventory that arrives late changes nothing", async () => {
    const system = await muster.addSystem();
    await post(system, cluster([module("mail1", { version: "2" })]));
    const [record] = await muster.database.query<{ id: string }>(
      `insert into inventory_records (id, system_id, received_at, last_seen_at, data, data_hash, data_size)
       values (gen_random_uuid(), $1, '2020-01-01', '2020-01-01', $2, 'old', 1) returning id`,
      [system.system_id, JSON.stringify(cluster([module("old1")]))],
    );
    await muster.app.queue.push([
      { queue: "muster:inventory-state", lane: system.system_id, payload: JSON.stringify({ record_id: record?.id }) },
    ]);
    await muster.app.runner.drain();
    expect(await ids(system, "?deleted=true")).toEqual(["mail1"]);
  }, 240_000);
});

describe("whatever an appliance sends", () => {
  test("is kept as far as it fits, and never stops the rest of the inventory", async () => {
    const system = await muster.addSystem();
    const odd = [
      module("mail1", { version: "v".repeat(5000), name: "n".repeat(100_000), node: "99999999999" }),
      module("web1", { certification_level: "gold", user_domains: [null, 7, { a: 1 }], source: 7 }),
      module("'; drop table applications; --1"),
      { id: "x".repeat(3000), module: "x" },
      { id: "dav1", module: "m".repeat(3000) },
      module("emoji😀1", { name: `${"x".repeat(499)}😀` }),
    ];
    const text = JSON.stringify(cluster(odd)).replace(
      '"certification_level"',
      String.raw`"a\u0000b":"\ud800","huge":1e400,"certification_level"`,
    );
    await post(system, text);
    expect((await ids(system)).sort()).toEqual(["'; drop table applications; --1", "emoji😀1", "mail1", "web1"].sort());
    const mail = (await list(system)).applications.find((one) => one["module_id"] === "mail1");
    expect(mail).toMatchObject({ version: "v".repeat(500), node_id: null });
    const answer = await muster.admin("GET", `/api/admin/systems/${system.system_key}/applications`);
    expect(answer.text).toContain('"huge":1e400');
  }, 240_000);

  test("tens of thousands of modules are kept, changed and listed for bounded work", async () => {
    const system = await muster.addSystem();
    const many = (version: string) =>
      cluster(Array.from({ length: 30_000 }, (_one, at) => module(`app${at}`, { version, user_domains: ["d"] })));
    const pids = [process.pid, ...(await backendsOf(muster.database))];
    const before = cpuSpent(pids);
    await post(system, many("1"));
    await post(system, many("2"));
    await post(system, cluster([module("app0")]));
    expect(cpuSpent(pids) - before).toBeLessThan(60_000);
    const [row] = await muster.database.query(
      `select count(*)::integer as all, (count(*) filter (where deleted_at is null))::integer as live from applications where system_id = $1`,
      [system.system_id],
    );
    expect(row).toEqual({ all: 30_000, live: 1 });
  }, 240_000);

  test("a hundred systems at once are one batch", async () => {
    const systems = await Promise.all(Array.from({ length: 100 }, () => muster.addSystem()));
    for (const system of systems) {
      const body = JSON.stringify(cluster([module("mail1"), module("web1")]));
      await muster.request("POST", "/api/systems/inventory", { authorization: system.authorization, body });
    }
    await muster.app.runner.drain();
    const [row] = await muster.database.query(
      `select count(*)::integer as count from applications where system_id = any($1::uuid[]) and deleted_at is null`,
      [systems.map((system) => system.system_id)],
    );
    expect(row).toEqual({ count: 200 });
    const { body } = await muster.admin<Listed>("GET", "/api/admin/applications");
    const mail = body.data.counts.find((one) => one.instance_of === "mail");
    expect(mail?.systems).toBeGreaterThanOrEqual(100);
  }, 240_000);
});

describe("listing", () => {
  test("goes on by cursor, each once", async () => {
    const system = await muster.addSystem();
    await post(system, cluster(Array.from({ length: 25 }, (_one, at) => module(`app${at}`))));
    const seen: unknown[] = [];
    for (let cursor = ""; ;) {
      const page = await list(system, `?limit=10${cursor && `&cursor=${cursor}`}`);
      seen.push(...page.applications.map((one) => one["module_id"]));
      if (page.next_cursor === null) break;
      cursor = page.next_cursor;
    }
    expect(seen).toHaveLength(25);
    expect(new Set(seen).size).toBe(25);
  }, 240_000);

  test("of a system that has none is empty", async () => {
    const system = await muster.addSystem();
    expect(await list(system)).toEqual({ applications: [], counts: [], next_cursor: null });
  }, 240_000);

  test.each(["?limit=0", "?deleted=perhaps", "?cursor=nonsense", "?colour=red"])(
    "with %s is a 400",
    async (query) => {
      const system = await muster.addSystem();
      const { status } = await muster.admin("GET", `/api/admin/systems/${system.system_key}/applications${query}`);
      expect(status).toBe(400);
    },
    240_000,
  );

  test("without an operator's token is a 401", async () => {
    const system = await muster.addSystem();
    expect((await muster.request("GET", `/api/admin/systems/${system.system_key}/applications`)).status).toBe(401);
  }, 240_000);

  test("of an unknown system is a 404", async () => {
    expect((await muster.admin("GET", "/api/admin/systems/NOBODY/applications")).status).toBe(404);
  }, 240_000);

  test("ends with the system: erased, nothing is left", async () => {
    const system = await muster.addSystem();
    await post(system, cluster([module("mail1")]));
    await muster.app.api.systems.erase(OWNER, system.system_key);
    expect(await muster.database.query(`select from applications where system_id = $1`, [system.system_id])).toEqual(
      [],
    );
  }, 240_000);
});
