// Inventories of which a part was not collected: told as such, never as "all nodes deleted".
import { describe, expect, test } from "bun:test";
import { BUILTIN_RULES } from "../../../../src/domains/inventory/rules/builtin-rules.ts";
import { compareDocuments } from "../../../../src/domains/inventory/diff/diff.ts";
import { isObject, type JsonObject } from "../../../../src/values/json/value.ts";
import { sameContent } from "../../../../src/domains/inventory/diff/normalize.ts";
import { partialReasons } from "../../../../src/domains/inventory/diff/gaps.ts";
import { classifyAll } from "../../../../src/domains/inventory/rules/judge.ts";
import { applyChanges } from "../../../../src/domains/inventory/chain/replay.ts";
import { type Classified, openRules } from "../../../../src/domains/inventory/rules/rules.ts";
import { cpuOf } from "../../../support/cpu.ts";

const FIXTURES = `${import.meta.dir}/../../../support/fixtures/inventories`;
const rules = openRules(BUILTIN_RULES);

const faults = async (product: string): Promise<Map<string, JsonObject>> => {
  const lines = (await Bun.file(`${FIXTURES}/${product}-faults.ndjson`).text()).trim().split("\n");
  return new Map(lines.map((line): [string, JsonObject] => [JSON.parse(line).label, JSON.parse(line).inventory]));
};
const ns8 = await faults("ns8");
const nsec = await faults("nsec");
const of = (inventories: Map<string, JsonObject>, label: string): JsonObject => {
  const found = inventories.get(label);
  if (!found) throw new Error(`no inventory ${label}`);
  return found;
};
const valid = of(ns8, "valid");

function judge(previous: JsonObject, current: JsonObject): Classified[] {
  const changes = classifyAll(rules, compareDocuments(previous, current), previous, current);
  expect(sameContent(applyChanges(previous, changes), current)).toBe(true);
  return changes;
}
const told = (changes: Classified[]) =>
  changes.map((one) => `${one.changeType} ${one.fieldPath} ${one.category} ${one.severity}`);

/** A copy with `facts` changed. */
function withFacts(document: JsonObject, edit: (facts: JsonObject) => void): JsonObject {
  const copy: JsonObject = structuredClone(document);
  if (isObject(copy["facts"])) edit(copy["facts"]);
  return copy;
}
const moduleOf = (facts: JsonObject, id: string): JsonObject => {
  const modules = facts["modules"];
  const found = Array.isArray(modules) ? modules.filter(isObject).find((module) => module["id"] === id) : undefined;
  if (!found) throw new Error(`no module ${id}`);
  return found;
};

describe("recorded faults", () => {
  test.each([
    ["cluster get-facts task failed", ["facts.cluster was not collected"]],
    ["node get-facts tasks failed (no node at all)", ["facts.nodes was not collected"]],
    ["one node did not answer", ["node 3 did not answer"]],
    ["cluster/uuid missing in redis", ["the installation's uuid is null"]],
    ["module order changed", []],
    ["valid", []],
  ])("NS8: %s is %j, and nobody is alarmed when it begins or ends", (label, reasons) => {
    const partial = of(ns8, label);
    expect(partialReasons(partial)).toEqual(reasons);
    expect(partialReasons(partial, valid)).toEqual(reasons);
    for (const changes of [judge(valid, partial), judge(partial, valid)]) {
      expect(changes.filter(({ significant }) => significant)).toEqual([]);
      expect(new Set(changes.map(({ severity }) => severity)).has("critical")).toBe(false);
    }
  });

  test("NS8: modules reduced to their base keys are seen by comparison only", () => {
    const partial = of(ns8, "module get-facts failed: only base keys");
    expect(partialReasons(partial)).toEqual([]);
    expect(partialReasons(partial, valid)).toContain("module samba1 gave none of its own facts");
    for (const changes of [judge(valid, partial), judge(partial, valid)]) {
      expect(changes.length).toBeGreaterThan(20);
      expect(changes.every((one) => one.partial && one.severity === "low" && !one.significant)).toBe(true);
      expect(changes.every(({ category }) => category === "modules")).toBe(true);
    }
  });

  test("NethSecurity: mount points that could not be read are not gone", () => {
    const [full, partial] = [of(nsec, "valid"), of(nsec, "df failed")];
    expect(partialReasons(partial)).toEqual(["facts.mountpoints was not collected"]);
    expect(judge(full, partial).filter(({ significant }) => significant)).toEqual([]);
    expect(judge(partial, full).filter(({ significant }) => significant)).toEqual([]);
  });

  test("NethSecurity: interfaces that are really down are reported", () => {
    const changes = judge(of(nsec, "valid"), of(nsec, "all interfaces down"));
    expect(partialReasons(of(nsec, "all interfaces down"))).toEqual([]);
    expect(changes.some(({ category, significant }) => category === "network" && significant)).toBe(true);
  });
});

describe("what is still reported", () => {
  test("a node that no module lives on any more was removed: critical", () => {
    const removed = withFacts(valid, (facts) => {
      facts["modules"] = (Array.isArray(facts["modules"]) ? facts["modules"] : []).filter(
        (module) => isObject(module) && module["node"] !== "3",
      );
      if (isObject(facts["nodes"])) delete facts["nodes"]["3"];
    });
    expect(partialReasons(removed, valid)).toEqual([]);
    const deleted = judge(valid, removed).filter(({ rulePath }) => rulePath.join(".") === "facts.nodes.3");
    expect(deleted).toMatchObject([
      { changeType: "delete", category: "nodes", severity: "critical", significant: true, partial: false },
    ]);
  });

  test("beside a part that is missing, other changes keep their weight", () => {
    const partial = withFacts(valid, (facts) => {
      facts["cluster"] = null;
      moduleOf(facts, "samba1")["version"] = "99.0.0";
    });
    expect(told(judge(valid, partial))).toEqual([
      "update facts.cluster cluster low",
      "update facts.modules.samba1.version modules high",
    ]);
  });

  test("a module whose own collector failed still reports its version, not its lost facts", () => {
    const partial = withFacts(valid, (facts) => {
      const module = moduleOf(facts, "samba1");
      for (const key of Object.keys(module)) if (key.endsWith("_count")) delete module[key];
      module["samba_facts_error"] = true;
      module["version"] = "99.0.0";
    });
    expect(partialReasons(partial)).toEqual(["module samba1 reports samba_facts_error"]);
    const begin = judge(valid, partial);
    expect(begin.filter(({ significant }) => significant).map(({ fieldPath }) => fieldPath)).toEqual([
      "facts.modules.samba1.version",
    ]);
    expect(judge(partial, valid).filter(({ significant }) => significant)).toHaveLength(1);
  });

  test("the first inventory that tells of modules is a real change", () => {
    const before = withFacts(valid, (facts) => delete facts["modules"]);
    const [created] = judge(before, valid).filter(({ rulePath }) => rulePath.join(".") === "facts.modules");
    expect(created).toMatchObject({ changeType: "create", severity: "high", significant: true });
  });
});

test.each<[string, (facts: JsonObject) => void]>([
  ["cluster", (facts) => delete facts["cluster"]],
  ["nodes", (facts) => (facts["nodes"] = null)],
  ["modules", (facts) => (facts["modules"] = null)],
  ["modules", (facts) => (facts["modules"] = [])],
  ["modules", (facts) => delete facts["modules"]],
])("facts.%s that vanished is marked partial", (name, edit) => {
  const partial = withFacts(valid, edit);
  expect(partialReasons(partial, valid)).toContain(`facts.${name} was not collected`);
  expect(judge(valid, partial).filter(({ significant }) => significant)).toEqual([]);
});

test("documents without facts, or of strange shapes, never crash", () => {
  const strange: JsonObject[] = [
    {},
    { installation: "nethserver" },
    { installation: "nethserver", facts: null },
    { installation: "nethserver", facts: [] },
    { installation: "nethserver", facts: { cluster: [], nodes: "x", modules: { a: 1 } } },
    {
      installation: "nethserver",
      facts: {
        cluster: { leader_node_id: 7 },
        nodes: { "1": null },
        modules: [null, 1, { id: 5, node: [] }, { id: "a" }],
      },
    },
    { installation: "nethsecurity", facts: { features: null } },
    { installation: { a: 1 }, facts: {} },
  ];
  for (const left of strange)
    for (const right of strange) {
      judge(left, right);
      expect(Array.isArray(partialReasons(left, right))).toBe(true);
    }
  expect(partialReasons({ installation: "nethserver", facts: null })).toEqual(["facts were not collected"]);
});

test("a hundred thousand modules of one id, with and without their facts, are judged for linear work", async () => {
  const own = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`fact${at}`, at]));
  const of = (rest: JsonObject, count: number): JsonObject => ({
    installation: "nethserver",
    facts: { modules: Array.from({ length: count }, () => ({ id: "a", ...rest })) },
  });
  const spentMs = await cpuOf(() => {
    const changes = judge(of(own, 1), of({}, 5000));
    expect(changes.filter(({ rulePath }) => rulePath.length === 4).every(({ partial }) => partial)).toBe(true);
    expect(partialReasons(of({}, 100_000), of(own, 1))).toEqual(["module a gave none of its own facts"]);
  });
  expect(spentMs).toBeLessThan(3000);
});

describe("a firewall", () => {
  const whole = of(nsec, "valid");

  test("whose firmware could not be read lost no hardware", () => {
    const blank = of(nsec, "no DMI");
    for (const [previous, current] of [
      [whole, blank],
      [blank, whole],
    ] as const)
      expect(told(judge(previous, current))).toEqual([
        "update facts.product.manufacturer hardware low",
        "update facts.product.name hardware low",
        "update facts.virtual hardware low",
      ]);
    expect(partialReasons(blank)).toEqual([]);
    const other = withFacts(whole, (facts) => (facts["product"] = { name: "other", manufacturer: "other" }));
    expect(told(judge(whole, other))).toEqual([
      "update facts.product.manufacturer hardware high",
      "update facts.product.name hardware high",
    ]);
  });

  test("that has no passphrase for its backups any more, or no interface, is news", () => {
    expect(told(judge(whole, of(nsec, "no backup passphrase")))).toContain(
      "delete facts.features.backups.backup_passphrase backup high",
    );
    expect(told(judge(whole, of(nsec, "all interfaces down")))).toContain(
      "delete facts.features.network.configuration.br-lan network high",
    );
  });
});
