// Checks what is extracted of a cluster's modules: values as columns take them, whatever an appliance sends.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { extractApplications, urlOf } from "../../../src/domains/applications/extract.ts";
import type { Application } from "../../../src/domains/applications/extract.ts";
import type { JsonObject, JsonValue } from "../../../src/domains/inventory/index.ts";

const FIXTURES = join(import.meta.dir, "../../support/fixtures/inventories");

const cluster = (modules: JsonValue, more: JsonObject = {}): JsonObject => ({
  installation: "nethserver",
  facts: { modules, ...more },
});
const one = (module: JsonObject, more: JsonObject = {}): Application | undefined =>
  extractApplications(cluster([{ id: "m1", module: "mail", ...module }], more))?.applications[0];

test("a real cluster gives every module, its user domains in full", async () => {
  const document = await Bun.file(join(FIXTURES, "ns8-inventory.json")).json();
  const extracted = extractApplications(document);
  expect(extracted?.complete).toBe(true);
  expect(extracted?.applications.map((each) => each.moduleId).sort()).toEqual(
    document.facts.modules.map((module: { id: string }) => module.id).sort(),
  );
  const [domain] = document.facts.cluster.user_domains;
  const user = extracted?.applications.find((each) => each.inventoryData.includes(`"name":"${domain.name}"`));
  expect(JSON.parse(user?.inventoryData ?? "{}").user_domains).toContainEqual(domain);
});

test("columns come from their keys and everything else stays together", () => {
  const module = {
    name: "Mail",
    ui_name: "Post",
    source: "ghcr.io/x/mail",
    version: "1.2.3",
    node: "2",
    certification_level: 5,
  };
  expect(one(module, { nodes: { "2": { ui_name: "Second" } } })).toEqual({
    moduleId: "m1",
    instanceOf: "mail",
    name: "Mail",
    displayName: "Post",
    source: "ghcr.io/x/mail",
    version: "1.2.3",
    nodeId: 2,
    nodeLabel: "Second",
    isUserFacing: true,
    inventoryData: '{"certification_level":5}',
  });
});

test("a user domain that the cluster does not describe keeps its name", () => {
  expect(
    one({ user_domains: ["known", "other", 7] }, { cluster: { user_domains: [{ name: "known", schema: "ad" }] } })
      ?.inventoryData,
  ).toBe('{"user_domains":[{"name":"known","schema":"ad"},{"name":"other"},7]}');
});

describe("nothing is read of", () => {
  test.each([
    ["a firewall", { installation: "nethsecurity", facts: { modules: [{ id: "a", module: "b" }] } }],
    ["an empty list", cluster([])],
    ["null", cluster(null)],
    ["an object", cluster({ id: "a", module: "b" })],
    ["a document without facts", { installation: "nethserver" }],
    ["facts that are no object", { installation: "nethserver", facts: "none" }],
  ] as [string, JsonObject][])("%s", (_name, document) => {
    expect(extractApplications(document)).toBeUndefined();
  });
});

describe("odd values", () => {
  test.each([
    ["99999999999", null],
    ["2147483647", 2147483647],
    ["2147483648", null],
    ["-1", -1],
    [3, 3],
    [1.5, null],
    [1e300, null],
    ["1; drop", null],
    ["", null],
    [null, null],
    [{ a: 1 }, null],
    [JSON.rawJSON("12345678901234567890"), null],
  ] as [JsonValue, number | null][])("node %p is %p", (node, expected) => {
    expect(one({ node })?.nodeId ?? null).toBe(expected);
  });

  test("texts are cut, and never through a character", () => {
    const name = one({ name: `${"x".repeat(499)}😀 and more` })?.name ?? "";
    expect(name.length).toBeLessThanOrEqual(500);
    expect(name.isWellFormed()).toBe(true);
    expect(one({ name: "  ", version: 7, source: ["a"], ui_name: "a\0b" })).toMatchObject({
      name: null,
      version: null,
      source: null,
      displayName: null,
    });
  });

  test("a nameless element makes the list incomplete; one of no kind is there, but is not read", () => {
    const nameless: JsonValue[] = [
      null,
      7,
      "x",
      [],
      {},
      { id: "" },
      { id: 7, module: "x" },
      { id: "i".repeat(256), module: "x" },
    ];
    for (const broken of nameless) {
      const extracted = extractApplications(cluster([{ id: "m1", module: "mail" }, broken]));
      expect(extracted?.complete).toBe(false);
      expect(extracted?.applications).toHaveLength(1);
    }
    const extracted = extractApplications(
      cluster([
        { id: "m1", module: "mail" },
        { id: "m2", module: null },
      ]),
    );
    expect(extracted?.complete).toBe(true);
    expect([...(extracted?.unreadable ?? [])]).toEqual(["m2"]);
  });

  test("of a repeated id the last one counts, and a key called __proto__ is only a key", () => {
    const module: JsonObject = JSON.parse('{"id":"m1","module":"mail","__proto__":{"version":"evil"}}');
    const extracted = extractApplications(cluster([{ id: "m1", module: "old" }, module]));
    expect(extracted?.applications).toHaveLength(1);
    expect(extracted?.applications[0]).toMatchObject({ instanceOf: "mail", version: null });
    expect(extracted?.applications[0]?.inventoryData).toBe('{"__proto__":{"version":"evil"}}');
  });

  test("numbers that a double cannot hold keep their text", () => {
    expect(one({ serial: JSON.rawJSON("12345678901234567890") })?.inventoryData).toBe(
      '{"serial":12345678901234567890}',
    );
  });

  test("a small document cannot grow large by its user domains", () => {
    const names = Array.from({ length: 1000 }, () => "d");
    const modules = Array.from({ length: 100 }, (_one, at) => ({ id: `m${at}`, module: "mail", user_domains: names }));
    const document = cluster(modules, { cluster: { user_domains: [{ name: "d", text: "x".repeat(5000) }] } });
    const size = extractApplications(document)?.applications.reduce((sum, each) => sum + each.inventoryData.length, 0);
    expect(size ?? 0).toBeLessThan(4 * 1024 ** 2);
  });
});

describe("the link", () => {
  const app = { moduleId: "mail1", isUserFacing: true } as Application;
  test("leads to the module on its cluster, for what people open", () => {
    expect(urlOf(app, "srv.example.org")).toBe("https://srv.example.org/cluster-admin/#/apps/mail1");
    expect(urlOf({ ...app, moduleId: "a/b?c" }, "srv.example.org")).toEndWith("#/apps/a%2Fb%3Fc");
    expect(urlOf({ ...app, isUserFacing: false }, "srv.example.org")).toBeNull();
    expect(urlOf(app, undefined)).toBeNull();
  });

  test.each(["evil.org/?", "a b", "javascript:1", "<b>", "", "x".repeat(300)])(
    "is not made with the host %p",
    (fqdn) => {
      expect(extractApplications(cluster([{ id: "m1", module: "mail" }], { cluster: { fqdn } }))?.fqdn).toBeUndefined();
    },
  );

  test.each([
    "traefik",
    "loki",
    "ldapproxy",
    "metrics",
    "crowdsec",
    "openldap",
    "promtail",
    "prometheus",
    "grafana",
    "samba",
  ])("%s is not for people", (module) => {
    expect(one({ module })?.isUserFacing).toBe(false);
  });
});
