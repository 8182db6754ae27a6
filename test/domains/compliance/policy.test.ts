// Checks what a policy finds on a system, and which faults its sections may not have.
import { describe, expect, test } from "bun:test";
import { ruleSections } from "../../../src/domains/compliance/index.ts";
import { findSectionFaults } from "../../../src/domains/compliance/faults.ts";
import { openPolicy } from "../../../src/domains/compliance/policy.ts";
import { parseRulesWith } from "../../../src/domains/inventory/rules/file.ts";
import type { JsonObject } from "../../../src/domains/inventory/index.ts";
import { listInstalled, mergeInstalled } from "../../../src/domains/compliance/products.ts";
import type { Advisory } from "../../../src/domains/compliance/schema.ts";
import { cpuOf } from "../../support/cpu.ts";

const FIXTURES = `${import.meta.dir}/../../support/fixtures/inventories`;
const fixture = (name: string) => Bun.file(`${FIXTURES}/${name}.json`).json();

const advisory = (affected: Advisory["affected"], product = "nsec"): Advisory => ({
  id: "CVE-2026-0001",
  product,
  severity: "critical",
  summary: "A door stands open",
  affected,
});
const system = (version: string, product = "nsec", instance = "") => [{ product, instance, version }];
const causes = (policy: ReturnType<typeof openPolicy>, installed: ReturnType<typeof system>, common = {}) =>
  policy.evaluate(installed, new Map(Object.entries(common)));

describe("an advisory", () => {
  const CASES: [string, Advisory["affected"], string, boolean][] = [
    ["before the fix", [{ introduced: "0", fixed: "8.6.1" }], "8.6.0", true],
    ["at the fix", [{ introduced: "0", fixed: "8.6.1" }], "8.6.1", false],
    ["a pre-release of the fix", [{ introduced: "0", fixed: "8.6.1" }], "8.6.1-rc.1", true],
    ["before it was introduced", [{ introduced: "8.5.0", fixed: "8.6.1" }], "8.4.9", false],
    ["where it was introduced", [{ introduced: "8.5.0", fixed: "8.6.1" }], "8.5.0", true],
    ["in the second of two ranges", [{ fixed: "7.1" }, { introduced: "8.0", fixed: "8.2" }], "8.1", true],
    ["between two ranges", [{ fixed: "7.1" }, { introduced: "8.0", fixed: "8.2" }], "7.5", false],
    ["the last that is affected", [{ last_affected: "8.6.0" }], "8.6.0", true],
    ["after the last that is affected", [{ last_affected: "8.6.0" }], "8.6.1", false],
    ["never fixed", [{ introduced: "8.0" }], "99.0", true],
    ["of no version at all", [{ introduced: "0" }], "unknown", false],
  ];
  test.each(CASES)("%s", (_title, affected, version, isAffected) => {
    const policy = openPolicy({ advisories: [advisory(affected)] });
    expect(causes(policy, system(version))).toHaveLength(isAffected ? 1 : 0);
    expect(causes(policy, system(version, "ns8"))).toEqual([]);
  });

  test("is one cause for all instances of its product, and names them and the fix", () => {
    const policy = openPolicy({ advisories: [advisory([{ fixed: "5.2.1" }], "module/WebTop")] });
    const installed = [...system("5.1.0", "module/webtop", "webtop1"), ...system("5.2.0", "module/webtop", "webtop2")];
    expect(causes(policy, installed)).toEqual([
      {
        kind: "advisory",
        cause: "CVE-2026-0001 module/webtop",
        severity: "critical",
        message:
          "CVE-2026-0001: module/webtop 5.1.0 (webtop1), 5.2.0 (webtop2) is affected; fixed in 5.2.1; A door stands open",
      },
    ]);
  });
});

describe("a required version", () => {
  const policy = openPolicy({
    versions: [
      { product: "nsec", minimum: "8.6.0", severity: "high" },
      { product: "ns8", minimum: "most_common" },
    ],
  });
  test("is a cause for a system that is behind it", () => {
    expect(causes(policy, system("8.6.0-dev+43d54cd33.2025"))).toEqual([
      {
        kind: "version",
        cause: "nsec",
        severity: "high",
        message: "nsec 8.6.0-dev+43d54cd33.2025 is behind the required version 8.6.0",
      },
    ]);
  });
  test.each(["8.6.0", "8.7", "unknown"])("is none for %s", (version) => {
    expect(causes(policy, system(version))).toEqual([]);
  });
  test("can be what most of the fleet has", () => {
    expect(causes(policy, system("3.17.0", "ns8"), { ns8: "3.18.2" })).toMatchObject([
      { cause: "ns8", severity: "medium", message: "ns8 3.17.0 is behind the fleet's most common version 3.18.2" },
    ]);
    expect(causes(policy, system("3.19.0", "ns8"), { ns8: "3.18.2" })).toEqual([]);
    expect(causes(policy, system("3.17.0", "ns8"))).toEqual([]);
  });
});

test("the order of sections in the file does not make another policy, another rule does", () => {
  const versions = [{ product: "nsec", minimum: "8.6.0" }];
  const advisories = [advisory([{ fixed: "1" }])];
  expect(openPolicy({ versions, advisories }).fingerprint).toBe(openPolicy({ advisories, versions }).fingerprint);
  expect(openPolicy({ versions }).fingerprint).not.toBe(openPolicy({ advisories }).fingerprint);
});

test("the examples in the documentation are valid", async () => {
  const text = await Bun.file(`${import.meta.dir}/../../../docs/inventory-alerts.md`).text();
  const [rules = "", advisories = ""] = [...text.matchAll(/```json\n([^]*?)```/g)].map((match) => match[1] ?? "");
  const { policy } = parseRulesWith(rules, ruleSections, () => advisories);
  expect(policy.mostCommonOf).toEqual(["ns8"]);
  expect(policy.newSystem).toEqual({ severity: "low", resolveAfterDays: 7 });
  const found = causes(policy, system("5.1", "module/webtop", "webtop1"));
  expect(found.map((one) => one.cause)).toEqual(["module/webtop", "CVE-2026-1234 module/webtop"]);
});

test("what the schemas cannot say is named with its place", () => {
  const faults = findSectionFaults({
    versions: [
      { product: "nsec", minimum: "newest" },
      { product: "kernel", minimum: "most_common" },
      { product: "ns8", minimum: "1" },
      { product: "ns8", minimum: "2" },
      { product: 7 },
    ],
    advisories: [
      advisory([{}]),
      advisory([{ introduced: "2", fixed: "1" }, { fixed: "soon" }]),
      "not an advisory",
      advisory([{ introduced: "3", last_affected: "2" }], "kernel"),
    ],
  });
  expect(faults.map(([place]) => place)).toEqual([
    "/versions/0/minimum",
    "/versions/1/minimum",
    "/versions/3/product",
    "/advisories/0/affected/0",
    "/advisories/1/id",
    "/advisories/1/affected/0/fixed",
    "/advisories/1/affected/1/fixed",
    "/advisories/3/affected/0/last_affected",
  ]);
});

describe("what is installed", () => {
  test("on a cluster: each node's core, distribution and kernel, and each module", async () => {
    const document = await fixture("ns8-inventory");
    const installed = listInstalled(document);
    const nodes = Object.keys(document.facts.nodes).length;
    expect(installed.filter((one) => one.product === "ns8")).toHaveLength(nodes);
    expect(installed.filter((one) => one.product === "kernel")).toHaveLength(nodes);
    expect(installed).toContainEqual({ product: "distro/debian", instance: "node 1", version: "12.11" });
    expect(installed.filter((one) => one.product.startsWith("module/"))).toHaveLength(document.facts.modules.length);
    expect(installed).toContainEqual({ product: "module/traefik", instance: "traefik1", version: "4.2.3" });
  });
  test("on a firewall: its distribution and kernel", async () => {
    expect(listInstalled(await fixture("nsec-inventory"))).toEqual([
      { product: "distro/nethsecurity", instance: "", version: "8.7.1" },
      { product: "kernel", instance: "", version: "6.6.119" },
    ]);
  });
  test("as the former collectors say it", async () => {
    expect(listInstalled(await fixture("ns8-inventory-legacy"))).toEqual([
      { product: "distro/nethserver", instance: "", version: "8" },
      { product: "kernel", instance: "", version: "6.1.0-37-amd64" },
    ]);
  });
  const SILENT: JsonObject[] = [
    {},
    { installation: "nethserver", facts: { nodes: [], modules: {} } },
    {
      installation: "nethserver",
      facts: { modules: [null, 1, { id: "x" }, { id: "a", module: "b", version: 3 }], nodes: { "1": null } },
    },
    { os: "linux" },
  ];
  test.each(SILENT)("%j says nothing", (document) => expect(listInstalled(document)).toEqual([]));
  test("and was not collected this time, is still there", () => {
    const known = [...system("1.0", "module/mail", "mail1"), ...system("3.0", "ns8", "node 1")];
    expect(mergeInstalled(known, system("3.1", "ns8", "node 1"))).toEqual([
      { product: "module/mail", instance: "mail1", version: "1.0" },
      { product: "ns8", instance: "node 1", version: "3.1" },
    ]);
  });
});

test("5,000 advisories are matched against 1,000 systems of 50 products in less than a second of CPU", async () => {
  const advisories = Array.from({ length: 5_000 }, (_, at) => ({
    ...advisory([{ introduced: "1.0", fixed: `1.${at % 100}.${at % 3}` }], `module/m${at % 60}`),
    id: `CVE-2026-${at}`,
  }));
  let found = 0;
  const evaluateAll = () => {
    const policy = openPolicy({ advisories });
    for (let at = 0; at < 1_000; at += 1) {
      const installed = Array.from({ length: 50 }, (_, module) => ({
        product: `module/m${module}`,
        instance: `m${module}1`,
        version: `1.${90 + ((at + module) % 12)}.0`,
      }));
      found += policy.evaluate(installed, new Map()).length;
    }
  };
  expect(await cpuOf(evaluateAll)).toBeLessThan(1_000);
  expect(found).toBeGreaterThan(10_000);
}, 60_000);
