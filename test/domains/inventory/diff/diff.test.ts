// What changed between two inventories: places, kinds, values, and what is no change at all.
import { describe, expect, test } from "bun:test";
import { type Change, compareDocuments } from "../../../../src/domains/inventory/diff/diff.ts";
import { isObject, type JsonObject, parseExact } from "../../../../src/values/json/value.ts";
import { sameContent } from "../../../../src/domains/inventory/diff/normalize.ts";
import { applyChanges } from "../../../../src/domains/inventory/chain/replay.ts";
import { cpuOf } from "../../../support/cpu.ts";

const FIXTURES = `${import.meta.dir}/../../../support/fixtures/inventories`;
const inventory = (name: string): Promise<JsonObject> => Bun.file(`${FIXTURES}/${name}.json`).json();

/** Type, field path and values; every comparison here is also replayed. */
function changes(previous: JsonObject, current: JsonObject): unknown[] {
  const found = compareDocuments(previous, current);
  expect(sameContent(applyChanges(previous, found), current)).toBe(true);
  return found.map((change) => [change.changeType, change.fieldPath, change.previousValue, change.currentValue]);
}

const document = (text: string): JsonObject => {
  const value = parseExact(text);
  if (!isObject(value)) throw new Error("not an object");
  return value;
};
const modules = (...list: JsonObject[]): JsonObject => ({ facts: { modules: list } });

describe("values", () => {
  test.each<[string, JsonObject, JsonObject, unknown[]]>([
    ["another value", { a: { b: 1 } }, { a: { b: 2 } }, [["update", "a.b", 1, 2]]],
    ["another JSON type", { a: "1" }, { a: 1 }, [["update", "a", "1", 1]]],
    ["a scalar that became an object", { a: "1" }, { a: { b: 1 } }, [["update", "a", "1", { b: 1 }]]],
    ["an object that became an array", { a: { b: 1 } }, { a: [1] }, [["update", "a", { b: 1 }, [1]]]],
    ["an empty array that became an object", { a: [] }, { a: {} }, [["update", "a", [], {}]]],
    ["null that became a value", { a: null }, { a: "x" }, [["update", "a", null, "x"]]],
    ["a value that became null", { a: [1] }, { a: null }, [["update", "a", [1], null]]],
    ["a key with null is not an absent key", {}, { a: null }, [["create", "a", undefined, null]]],
    ["a key with null that went away", { a: null }, {}, [["delete", "a", null, undefined]]],
    [
      "a subtree that came is one change",
      {},
      { a: { b: [1, { c: 2 }] } },
      [["create", "a", undefined, { b: [1, { c: 2 }] }]],
    ],
    ["a subtree that went is one change", { a: { b: { c: 1 } } }, {}, [["delete", "a", { b: { c: 1 } }, undefined]]],
  ])("%s", (_title, previous, current, expected) => {
    expect(changes(previous, current)).toEqual(expected);
  });

  test("1 and 1.0 are equal, big numbers differ by their text", () => {
    expect(changes(document('{"a":1,"b":0.5}'), document('{"a":1.0,"b":5e-1}'))).toEqual([]);
    const [change] = compareDocuments(document('{"a":9007199254740992}'), document('{"a":9007199254740993}'));
    expect(JSON.stringify([change?.previousValue, change?.currentValue])).toBe("[9007199254740992,9007199254740993]");
    expect(changes(document('{"a":1e400}'), document('{"a":1e400}'))).toEqual([]);
    expect(changes(document('{"a":[1e400]}'), document('{"a":[1e401]}'))).toHaveLength(2);
  });

  test("a number is not the text that reads the same, not even a big one", () => {
    expect(changes(document('{"a":9007199254740993}'), document('{"a":"9007199254740993"}'))).toHaveLength(1);
  });

  test("keys named __proto__, constructor, toJSON or hasOwnProperty are compared like any other", () => {
    const previous = document('{"__proto__":{"x":1,"l":[1]},"constructor":1,"toJSON":{},"hasOwnProperty":true}');
    const current = document('{"__proto__":{"x":2,"l":[2]},"constructor":2,"toJSON":{"a":1},"valueOf":true}');
    expect(changes(previous, current)).toEqual([
      ["create", "__proto__.l.0", undefined, 2],
      ["delete", "__proto__.l.0", 1, undefined],
      ["update", "__proto__.x", 1, 2],
      ["update", "constructor", 1, 2],
      ["delete", "hasOwnProperty", true, undefined],
      ["create", "toJSON.a", undefined, 1],
      ["create", "valueOf", undefined, true],
    ]);
  });
});

describe("arrays", () => {
  test("another order is no change, for scalars, objects and arrays of arrays", () => {
    const previous: JsonObject = {
      a: [1, 2, 2],
      b: [{ id: "x", v: [1, 2] }, { id: "y" }],
      c: [[1, 2], [3]],
      d: [{ p: 1 }, { p: 2 }],
    };
    const current: JsonObject = {
      a: [2, 1, 2],
      b: [{ id: "y" }, { v: [2, 1], id: "x" }],
      c: [[3], [2, 1]],
      d: [{ p: 2 }, { p: 1 }],
    };
    expect(changes(previous, current)).toEqual([]);
  });

  test("how often a scalar occurs does count", () => {
    expect(changes({ a: ["x"] }, { a: ["x", "x"] })).toEqual([["create", "a.1", undefined, "x"]]);
    expect(changes({ a: ["x", "y", "x"] }, { a: ["y"] })).toHaveLength(2);
  });

  test("an element without identity that changed is one that went and one that came", () => {
    expect(changes({ a: [{ p: 1 }, { p: 2 }] }, { a: [{ p: 2 }, { p: 3 }] })).toEqual([
      ["delete", "a.0", { p: 1 }, undefined],
      ["create", "a.1", undefined, { p: 3 }],
    ]);
  });

  test("a module that went is named rightly, although its index now holds another (case 74)", () => {
    const [mail, samba, webtop] = [{ id: "mail1" }, { id: "samba1" }, { id: "webtop1" }];
    expect(changes(modules(mail, samba, webtop), modules(samba, webtop))).toEqual([
      ["delete", "facts.modules.mail1", mail, undefined],
    ]);
  });

  test("a module that went and one that was upgraded are told apart (case 75)", () => {
    const previous = modules(
      { id: "mail1", version: "1" },
      { id: "samba1", version: "2" },
      { id: "webtop1", version: "3" },
    );
    const current = modules({ id: "samba1", version: "9" }, { id: "webtop1", version: "3" });
    expect(changes(previous, current)).toEqual([
      ["delete", "facts.modules.mail1", { id: "mail1", version: "1" }, undefined],
      ["update", "facts.modules.samba1.version", "2", "9"],
    ]);
  });

  test("modules that were upgraded and reordered at once change in their versions only", () => {
    const previous = modules({ id: "a", version: "1" }, { id: "b", version: "1" }, { id: "c", version: "1" });
    const current = modules({ id: "c", version: "2" }, { id: "a", version: "1" }, { id: "b", version: "2" });
    const found = compareDocuments(previous, current);
    expect(found.map(({ pointer, fieldPath }) => [pointer, fieldPath])).toEqual([
      ["/facts/modules/0/version", "facts.modules.c.version"],
      ["/facts/modules/2/version", "facts.modules.b.version"],
    ]);
    expect(applyChanges(previous, found)).toEqual(
      modules({ id: "a", version: "1" }, { id: "b", version: "2" }, { id: "c", version: "2" }),
    );
  });

  test.each([
    [
      "user domains by name",
      "facts.cluster.user_domains",
      { name: "mail.x.it" },
      'facts.cluster.user_domains."mail.x.it".n',
    ],
    ["zones by name", "facts.features.network.zones", { name: "lan" }, "facts.features.network.zones.lan.n"],
    [
      "WireGuard statistics by server",
      "facts.features.wireguard.statistics",
      { server: "wg1" },
      "facts.features.wireguard.statistics.wg1.n",
    ],
    [
      "tunnels by section",
      "facts.features.openvpn_tun.tunnels",
      { section: "ns_b" },
      "facts.features.openvpn_tun.tunnels.ns_b.n",
    ],
    ["disks by uuid", "facts.disks", { uuid: "6f-1" }, "facts.disks.6f-1.n"],
    ["numbers as identities", "facts.disks", { id: 7 }, "facts.disks.7.n"],
    [
      "PCI devices by class, vendor and device",
      "facts.pci",
      { class_id: "0200", vendor_id: "1af4", device_id: "1041" },
      "facts.pci.0200:1af4:1041.n",
    ],
  ])("%s", (_title, path, identity, expected) => {
    const at = (n: number): JsonObject =>
      path
        .split(".")
        .reduceRight<JsonObject | JsonObject[]>(
          (inner, key) => ({ [key]: inner }),
          [{ ...identity, n: 0, other: true, ...(n > 0 ? { n } : {}) }],
        ) as JsonObject;
    expect(changes(at(1), at(2))).toEqual([["update", expected, 1, 2]]);
  });

  test("equal PCI devices are told apart by how many there are", () => {
    const card = (driver: string) => ({ class_id: "0200", vendor_id: "1", device_id: "2", driver });
    expect(changes({ pci: [card("a"), card("a"), card("b")] }, { pci: [card("b"), card("a"), card("a")] })).toEqual([]);
    expect(changes({ pci: [card("a"), card("a")] }, { pci: [card("a"), card("a"), card("a")] })).toHaveLength(1);
    expect(changes({ pci: [card("a"), card("a")] }, { pci: [card("c"), card("a")] })).toEqual([
      // They change as a whole: nobody outside could tell which of the two it was.
      ["update", "pci.0200:1:2#2", card("a"), card("c")],
    ]);
  });

  test("say of each array on the way which element it is, and where it was and is", () => {
    const previous: JsonObject = { a: [{ id: "x" }, { id: "y", b: [{ name: "n", v: 1 }, 7] }, { id: "z" }] };
    const current: JsonObject = { a: [{ id: "y", b: [8, { name: "n", v: 2 }] }, { id: "x" }, { id: "w" }] };
    const step = (level: number, identity: JsonObject | null, from: number | null, to: number | null) => ({
      level,
      identity,
      previous_index: from,
      index: to,
    });
    const y = step(1, { id: "y" }, 1, 0);
    const elements = compareDocuments(previous, current).map((one) => [one.changeType, one.pointer, one.elements]);
    expect(elements).toEqual([
      ["create", "/a/0/b/0", [y, step(3, null, null, 0)]],
      ["update", "/a/0/b/1/v", [y, step(3, { name: "n" }, 0, 1)]],
      ["delete", "/a/1/b/1", [y, step(3, null, 1, null)]],
      ["create", "/a/2", [step(1, null, null, 2)]],
      ["delete", "/a/2", [step(1, { id: "z" }, 2, null)]],
    ]);
  });

  test("have an identity only where no other element has the same members", () => {
    const named = { name: "n", v: 1 };
    const [change] = compareDocuments(
      { a: [named, { id: 1, name: "n" }] },
      {
        a: [
          { id: 1, name: "n" },
          { ...named, v: 2 },
        ],
      },
    );
    expect(change).toMatchObject({
      changeType: "update",
      pointer: "/a/1",
      previousValue: named,
      elements: [{ level: 1, identity: null, previous_index: 0, index: 1 }],
    });
    expect(compareDocuments({ a: [named] }, { a: [named, { id: 1, name: "n" }] })).toMatchObject([
      { changeType: "create", pointer: "/a/1" },
    ]);
  });

  test("which share their identity cost no more than others", async () => {
    const twins = (count: number, v: number): JsonObject => ({
      a: Array.from({ length: count }, (_, at) => ({ id: at >> 1, name: at % 3, v })),
    });
    const cost = (count: number) => cpuOf(() => compareDocuments(twins(count, 1), twins(count, 2)));
    await cost(1_000);
    expect(await cost(8_000)).toBeLessThan(2_000);
  });

  test("elements of one identity lose nothing", () => {
    const previous: JsonObject = {
      a: [
        { id: "x", v: 1 },
        { id: "x", v: 2 },
        { id: "x#2", v: 3 },
        { name: "x", v: 4 },
      ],
    };
    const current: JsonObject = {
      a: [
        { name: "x", v: 5 },
        { id: "x", v: 2 },
        { id: "x#2", v: 6 },
        { id: "x", v: 3 },
      ],
    };
    const found = changes(previous, current);
    expect(new Set(found.map((row) => String(Array.isArray(row) ? row[1] : ""))).size).toBe(found.length);
  });
});

describe("places", () => {
  test("pointers lead into the raw documents, field paths read well, rule paths hold no chosen name", () => {
    const previous: JsonObject = {
      facts: {
        nodes: {
          "1": { ui_name: "memory_info box", net: { "eth0.6": { up: true } } },
          "2": { ui_name: "n2.example.org", v: 1 },
        },
        modules: [{ id: "mail1" }, { id: "uptime_seconds", mounts: { "/a~b": 1 } }],
      },
    };
    const current: JsonObject = {
      facts: {
        nodes: {
          "1": { ui_name: "memory_info box", net: { "eth0.6": { up: false } } },
          "2": { ui_name: "n2.example.org", v: 2 },
        },
        modules: [{ id: "uptime_seconds", mounts: { "/a~b": 2 } }],
      },
    };
    const found = compareDocuments(previous, current).map(({ pointer, fieldPath, rulePath }: Change) => [
      pointer,
      fieldPath,
      rulePath.join(" "),
    ]);
    expect(found).toEqual([
      ["/facts/modules/0", "facts.modules.mail1", "facts modules []"],
      ["/facts/modules/0/mounts/~1a~0b", "facts.modules.uptime_seconds.mounts./a~b", "facts modules [] mounts /a~b"],
      ["/facts/nodes/1/net/eth0.6/up", 'facts.nodes.memory_info box.net."eth0.6".up', "facts nodes 1 net eth0.6 up"],
      ["/facts/nodes/2/v", 'facts.nodes."n2.example.org".v', "facts nodes 2 v"],
    ]);
  });

  const nodes = (list: Record<string, JsonObject>): JsonObject => ({ facts: { nodes: list } });

  test("a renamed node is called by its new name (case 80)", () => {
    expect(changes(nodes({ "1": { ui_name: "a", v: 1 } }), nodes({ "1": { ui_name: "b", v: 2 } }))).toEqual([
      ["update", "facts.nodes.b.ui_name", "a", "b"],
      ["update", "facts.nodes.b.v", 1, 2],
    ]);
  });

  test("a node without a name, with another's name, or with another's key as name keeps its key", () => {
    const at = (v: number) =>
      nodes({
        "1": { ui_name: "", v },
        "2": { ui_name: "x", v },
        "3": { ui_name: "x", v },
        "4": { ui_name: "1", v },
        "5": { ui_name: "y", v },
      });
    const paths = compareDocuments(at(1), at(2)).map(({ fieldPath }) => fieldPath);
    expect(paths).toEqual(["1", "2", "3", "4", "y"].map((name) => `facts.nodes.${name}.v`));
  });
});

describe("real inventories", () => {
  test("thirty steps of an NS8 cluster are told as what they are, and replay", async () => {
    const found = compareDocuments(await inventory("ns8-inventory"), await inventory("ns8-inventory-after-30-steps"));
    expect(
      sameContent(
        applyChanges(await inventory("ns8-inventory"), found),
        await inventory("ns8-inventory-after-30-steps"),
      ),
    ).toBe(true);
    expect(found.length).toBeGreaterThan(10);
    // By index it would be 273; here a module that came or went shifts no other.
    expect(found.length).toBeLessThan(200);
    const cameOrWent = found.filter(({ rulePath }) => rulePath.join(".") === "facts.modules.[]");
    expect(cameOrWent.every(({ changeType }) => changeType !== "update")).toBe(true);
  });

  test("a mere reordering of the modules of a real cluster is no change", async () => {
    const lines = (await Bun.file(`${FIXTURES}/ns8-faults.ndjson`).text()).trim().split("\n");
    const byLabel = new Map(
      lines.map((line): [string, JsonObject] => [JSON.parse(line).label, JSON.parse(line).inventory]),
    );
    expect(compareDocuments(byLabel.get("valid") ?? {}, byLabel.get("module order changed") ?? {})).toEqual([]);
  });

  test("an inventory compared with itself gives nothing, and documents of two products replay too", async () => {
    const names = ["ns8-inventory", "ns8-inventory-legacy", "nsec-inventory", "nsec-inventory-legacy"];
    for (const left of names)
      for (const right of names) {
        const found = compareDocuments(await inventory(left), await inventory(right));
        expect(found.length === 0).toBe(left === right);
        expect(sameContent(applyChanges(await inventory(left), found), await inventory(right))).toBe(true);
      }
  });
});

describe("limits", () => {
  const wide = (count: number, value: number): JsonObject =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, value]));

  test("as many changes as allowed are told one by one, one more is a single marked row that replays", () => {
    expect(compareDocuments(wide(50, 1), wide(50, 2), { maxChanges: 50 })).toHaveLength(50);
    const summary = compareDocuments(wide(51, 1), wide(51, 2), { maxChanges: 50 });
    expect(summary).toEqual([
      {
        pointer: "",
        fieldPath: "(document, 51 changes)",
        elements: [],
        changeType: "update",
        previousValue: undefined,
        currentValue: wide(51, 2),
        rulePath: [],
        summarized: 51,
      },
    ]);
    expect(applyChanges(wide(51, 1), summary)).toEqual(wide(51, 2));
  });

  test("an array that became an object counts as one change", () => {
    const previous = { a: [1], b: [1] };
    expect(compareDocuments(previous, { a: {}, b: {} }, { maxChanges: 2 })).toHaveLength(2);
  });

  test("4,000 changed elements, 200,000 keys and 100,000 equal identities are compared for linear work", async () => {
    const elements = (value: number, id: (at: number) => string, count: number): JsonObject => ({
      a: Array.from({ length: count }, (_, at) => ({ id: id(at), v: at % 2 === 0 ? value : at })),
    });
    const spentMs = await cpuOf(() => {
      expect(compareDocuments(elements(-1, String, 4000), elements(-2, String, 4000))).toHaveLength(2000);
      expect(compareDocuments(wide(200_000, 1), { ...wide(200_000, 1), k5: 2 })).toHaveLength(1);
      const [same] = compareDocuments(
        elements(-1, () => "same", 100_000),
        elements(-2, () => "same", 100_000),
      );
      expect(same?.summarized).toBeGreaterThan(10_000);
    });
    expect(spentMs).toBeLessThan(5000);
  }, 240_000);

  test("arrays nested 190 deep, each with a repeated identity, are compared for linear work", async () => {
    const nested = (value: string): JsonObject => {
      let inner: JsonObject = { id: 1, v: Array.from({ length: 20_000 }, (_, at) => `${value}${at}`) };
      for (let depth = 0; depth < 90; depth++) inner = { id: 1, a: [inner, { id: 1, a: [] }] };
      return inner;
    };
    const spentMs = await cpuOf(() => {
      const found = compareDocuments(nested("x"), nested("y"));
      expect(sameContent(applyChanges(nested("x"), found), nested("y"))).toBe(true);
    });
    expect(spentMs).toBeLessThan(5000);
  }, 240_000);

  test("long keys around many changes do not multiply into gigabytes of pointers", () => {
    const deep = (value: number): JsonObject => {
      let inner: JsonObject = wide(5000, value);
      for (let depth = 0; depth < 100; depth++) inner = { ["k".repeat(500)]: inner };
      return inner;
    };
    const found = compareDocuments(deep(1), deep(2));
    expect(found).toHaveLength(1);
    expect(found[0]?.pointer.length).toBeLessThanOrEqual(1600);
    expect(sameContent(applyChanges(deep(1), found), deep(2))).toBe(true);
  });

  test("a key of a megabyte makes a long pointer but a short field path", () => {
    const key = "x".repeat(1_000_000);
    const [change] = compareDocuments({ a: {} }, { a: { [key]: 1 } });
    expect(change?.pointer).toHaveLength(key.length + 3);
    expect(change?.fieldPath.length).toBeLessThan(300);
  });
});
