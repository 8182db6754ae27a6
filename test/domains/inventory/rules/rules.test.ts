// Category, severity and significance of changes: the tables of the service that Muster replaces, and where Muster differs.
import { describe, expect, test } from "bun:test";
import { BUILTIN_RULES } from "../../../../src/domains/inventory/rules/builtin-rules.ts";
import { type Change, type ChangeType, compareDocuments } from "../../../../src/domains/inventory/diff/diff.ts";
import type { JsonObject, JsonValue } from "../../../../src/values/json/value.ts";
import { changedByMoreThan, openRules, type RuleSet } from "../../../../src/domains/inventory/rules/rules.ts";
import { cpuOf } from "../../../support/cpu.ts";

const rules = openRules(BUILTIN_RULES);
const FIXTURES = `${import.meta.dir}/../../../support/fixtures/inventories`;

function change(
  path: string,
  changeType: ChangeType = "update",
  previousValue?: JsonValue,
  currentValue?: JsonValue,
): Change {
  const rulePath = path === "" ? [] : path.split(".");
  return {
    pointer: `/${rulePath.join("/")}`,
    fieldPath: path,
    elements: [],
    changeType,
    previousValue,
    currentValue,
    rulePath,
  };
}

/** "change path category severity", with " -" at the end of what is not significant. */
function judged(previous: JsonObject, current: JsonObject): string[] {
  return compareDocuments(previous, current).map((one) => {
    const { category, severity, significant } = rules.classify(one);
    return `${one.changeType} ${one.fieldPath} ${category} ${severity}${significant ? "" : " -"}`;
  });
}

describe("categories", () => {
  test.each([
    ["facts.modules.0.id", "modules"],
    ["facts.modules.1.version", "modules"],
    ["facts.cluster.label", "cluster"],
    ["facts.cluster.fqdn", "cluster"],
    ["facts.nodes.0.id", "nodes"],
    ["facts.nodes.1.version", "nodes"],
    ["facts.distro.version", "os"],
    ["facts.distro.release", "os"],
    ["facts.processors.count", "hardware"],
    ["facts.memory.total", "hardware"],
    ["facts.product.name", "hardware"],
    ["facts.virtual.is_virtual", "hardware"],
    ["facts.network.interfaces", "network"],
    ["facts.features.docker", "features"],
    ["facts.features.dpi", "features"],
    ["FACTS.DISTRO.VERSION", "os"],
    ["Facts.Modules.[].Id", "modules"],
    ["unknown.field", "system"],
    ["random.data.value", "system"],
    ["", "system"],
    ["a", "system"],
    ["123.456.789", "system"],
  ])("%s is %s (cases 1 to 18)", (path, category) => {
    expect<string>(rules.classify(change(path)).category).toBe(category);
  });

  test.each([
    ["facts.cluster.backup.backup_count", "backup"],
    ["facts.features.backups.enabled", "backup"],
    ["facts.features.network.zones.[].name", "network"],
    ["facts.nodes.1.memory.system.count", "hardware"],
    ["facts.nodes.1.processors.count", "hardware"],
    ["facts.nodes.1.distro.version", "os"],
    ["facts.features.ipsec.count", "security"],
    ["facts.features.openvpn_rw.enabled", "security"],
    ["facts.features.certificates_info.count", "security"],
    ["facts.features.firewall_stats.rules", "security"],
    ["facts.services.nginx.version", "services"],
  ])("%s is always %s: the more specific rule wins, not a random one (cases 19 to 22)", (path, category) => {
    for (let times = 0; times < 40; times++)
      expect<string>(openRules(BUILTIN_RULES).classify(change(path)).category).toBe(category);
  });
});

describe("severities", () => {
  test.each<[string, ChangeType, JsonValue | undefined, JsonValue | undefined, string]>([
    ["facts.nodes.0", "delete", {}, undefined, "critical"],
    ["facts.nodes.0.id", "delete", 1, undefined, "medium"],
    ["facts.processors.count", "delete", 4, undefined, "critical"],
    ["facts.memory.total", "delete", 8192, undefined, "critical"],
    ["facts.network.interfaces", "delete", "eth0", undefined, "critical"],
    ["facts.features.essential", "delete", true, undefined, "critical"],
    ["system.error", "create", undefined, "text", "low"],
    ["facts.distro.version", "update", "23.05.4", "24.10", "high"],
    ["facts.modules.[].version", "update", "1.0.0", "2.0.0", "high"],
    ["facts.nodes.0.version", "update", "8.2.0", "8.3.0", "high"],
    ["facts.cluster.fqdn", "update", "a", "b", "high"],
    ["facts.cluster.public_ip", "update", "a", "b", "high"],
    ["facts.cluster.subscription", "update", "a", "b", "high"],
    ["facts.features.certificates.count", "update", 5, 10, "high"],
    ["facts.modules.[]", "create", undefined, {}, "high"],
    ["facts.modules", "create", undefined, [], "high"],
    ["facts.modules.[]", "delete", {}, undefined, "high"],
    ["system.warning", "create", undefined, "text", "low"],
    ["facts.features.docker.enabled", "update", false, true, "medium"],
    ["facts.cluster.label", "update", "a", "b", "medium"],
    ["system.info", "create", undefined, "text", "low"],
    ["facts.memory.swap.used_bytes", "update", 100, 200, "low"],
    ["facts.memory.ram.available_bytes", "update", 100, 94, "low"],
    ["system.debug", "create", undefined, "text", "low"],
    ["unknown.field", "update", "a", "b", "low"],
    ["FACTS.DISTRO.VERSION", "update", "a", "b", "high"],
    ["custom.field", "update", 100, 150, "medium"],
    ["custom.field", "update", 100, 105, "low"],
    ["facts.foo", "update", 10, 12, "low"],
    ["facts.foo", "update", 0, 1, "medium"],
    ["facts.foo", "update", "1.2.3", "2.0.0", "low"],
    ["facts.nodes.2", "create", undefined, {}, "high"],
    ["facts.features.dns", "create", undefined, {}, "medium"],
    ["facts.features.dns", "delete", {}, undefined, "critical"],
    ["facts.cluster.admins", "delete", {}, undefined, "medium"],
    ["facts", "delete", {}, undefined, "low"],
    ["facts.network", "delete", {}, undefined, "critical"],
    ["facts.memory", "delete", {}, undefined, "critical"],
    ["facts.pci.[].revision", "update", 1, 100, "low"],
    ["uuid", "update", "1", "9", "low"],
    ["facts.uptime_seconds", "update", 1, 100, "low"],
    ["facts.modules.[].queue_failed", "create", undefined, 1, "low"],
  ])("%s %s from %j to %j is %s (cases 23 to 51, 82 to 88)", (path, type, from, to, severity) => {
    expect<string>(rules.classify(change(path, type, from, to)).severity).toBe(severity);
  });

  test("an upgrade of a cluster node's system is high, as that of a firewall is", () => {
    expect(rules.classify(change("facts.nodes.1.distro.version", "update", "12.11", "13.0")).severity).toBe("high");
  });

  test.each<[JsonValue | undefined, JsonValue | undefined, boolean]>([
    [100, 150, true],
    [100, 70, true],
    [100, 125, true],
    [0, 50, true],
    ["100", "150", true],
    [100, "150", true],
    ["5 GB", "8 GB", true],
    ["-456", "+789", true],
    ["5.5 GB", "8gb", true],
    [JSON.rawJSON("10000000000000000001"), JSON.rawJSON("20000000000000000001"), true],
    ["192.168.1.100", "1.2.3.4", false],
    ["1.2.3", "2.0.0", false],
    ["2025-12-06", "1999-01-01", false],
    ["5 GB", "8 MB", false],
    ["-", "1", false],
    [100, 110, false],
    [100, 95, false],
    [100, 120, false],
    [100, 100, false],
    [0, 0, false],
    [null, 100, false],
    [undefined, 100, false],
    ["hello", "world", false],
    ["", "5", false],
    [false, true, false],
    [JSON.rawJSON("1e400"), JSON.rawJSON("1e401"), false],
  ])("from %j to %j is a change of more than 20 %: %j", (previousValue, currentValue, expected) => {
    expect(changedByMoreThan(20, { previousValue, currentValue })).toBe(expected);
  });
});

describe("significance", () => {
  test.each<[string, ChangeType]>([
    ["os.version", "update"],
    ["system.error", "create"],
    ["memory.total", "update"],
    ["networking.hostname", "update"],
    ["some.field", "delete"],
    ["unknown.field", "update"],
    ["configuration.service", "update"],
    ["facts.modules.[].metrics_port", "update"],
    ["performance.figures", "delete"],
  ])("%s %s is kept (cases 53 to 57, 65)", (path, type) => {
    expect(rules.classify(change(path, type)).significant).toBe(true);
  });

  test.each<[string, ChangeType]>([
    ["uptime_seconds", "update"],
    ["Facts.Nodes.1.UPTIME_SECONDS", "update"],
    ["metrics.timestamp", "update"],
    ["performance.last_update", "update"],
    ["monitoring.heartbeat", "update"],
    ["facts.modules.[].nethvoice_total_calls", "update"],
    ["facts.modules.[].nethvoice_physical_devices_by_model.fanvil-V62", "create"],
    ["facts.modules.[].acme_auto_certificates", "delete"],
    ["facts.modules.[].name_module_map", "delete"],
    ["facts.modules.[].name_module_map.mail", "update"],
    ["facts.modules.[].ui_name", "update"],
    ["metrics.cpu_usage", "update"],
    ["performance.memory_usage", "update"],
    ["monitoring.status", "update"],
    ["facts.features.update_available", "delete"],
    ["facts.features.dhcp_server.count", "update"],
    ["facts.features.dhcp_server.static_leases", "update"],
    ["facts.modules.[].filter.antivirus.memory_info.installed", "update"],
    ["facts.pci.[].device_name", "update"],
    ["uuid", "update"],
  ])("%s %s is not (cases 58 to 64, 76, 89, 115)", (path, type) => {
    expect(rules.classify(change(path, type)).significant).toBe(false);
  });
});

describe("whole comparisons", () => {
  const node = (ui_name: string, rest: JsonObject): JsonObject => ({ facts: { nodes: { "1": { ui_name, ...rest } } } });
  const list = (...modules: JsonObject[]): JsonObject => ({ facts: { modules } });

  test.each<[string, JsonObject, JsonObject, string[]]>([
    [
      "66: a type change is an update, no error",
      { facts: { a: "1" } },
      { facts: { a: 1 } },
      ["update facts.a system low"],
    ],
    [
      "67: so is a text that became an object",
      { facts: { a: "1" } },
      { facts: { a: { b: 1 } } },
      ["update facts.a system low"],
    ],
    ["68", { facts: { a: null } }, { facts: { a: "x" } }, ["update facts.a system low"]],
    ["69", { facts: {} }, { facts: { a: null } }, ["create facts.a system low"]],
    ["70", { facts: {} }, list({ id: "m1" }), ["create facts.modules modules high"]],
    [
      "71",
      list({ id: "mail1" }),
      list({ id: "mail1" }, { id: "samba1" }),
      ["create facts.modules.samba1 modules high"],
    ],
    ["72", list({ id: "a", v: 1 }, { id: "b", v: 2 }), list({ id: "b", v: 2 }, { id: "a", v: 1 }), []],
    [
      "73",
      list({ id: "mail1", version: "1" }),
      list({ id: "mail1", version: "2" }),
      ["update facts.modules.mail1.version modules high"],
    ],
    [
      "74: the right module is named",
      list({ id: "mail1" }, { id: "samba1" }),
      list({ id: "samba1" }),
      ["delete facts.modules.mail1 modules high"],
    ],
    [
      "75: both are named rightly",
      list({ id: "mail1", version: "1" }, { id: "samba1", version: "2" }),
      list({ id: "samba1", version: "9" }),
      ["delete facts.modules.mail1 modules high", "update facts.modules.samba1.version modules high"],
    ],
    [
      "76",
      list({ id: "m", ui_name: "a" }),
      list({ id: "m", ui_name: "b" }),
      ["update facts.modules.m.ui_name modules low -"],
    ],
    [
      "77",
      node("leader", { version: "1" }),
      node("leader", { version: "2" }),
      ["update facts.nodes.leader.version nodes high"],
    ],
    [
      "78: dots in a name lower nothing",
      node("n1.example.org", { version: "1" }),
      node("n1.example.org", { version: "2" }),
      ['update facts.nodes."n1.example.org".version nodes high'],
    ],
    ["79", node("", { version: "1" }), node("", { version: "2" }), ["update facts.nodes.1.version nodes high"]],
    [
      "80",
      node("a", { v: "1" }),
      node("b", { v: "2" }),
      ["update facts.nodes.b.ui_name nodes low", "update facts.nodes.b.v nodes medium"],
    ],
    [
      "81",
      { facts: { nodes: { "1": {}, "2": { ui_name: "x" } } } },
      { facts: { nodes: { "1": {} } } },
      ["delete facts.nodes.x nodes critical"],
    ],
    ["83", node("a", { b: 1 }), node("a", {}), ["delete facts.nodes.a.b nodes medium"]],
    [
      "86",
      { facts: { cluster: { admins: {} } } },
      { facts: { cluster: {} } },
      ["delete facts.cluster.admins cluster medium"],
    ],
    ["87", { facts: { a: 1 } }, {}, ["delete facts system low"]],
    [
      "107: a node called like a noise word hides nothing",
      node("memory_info box", { version: "1" }),
      node("memory_info box", { version: "2" }),
      ["update facts.nodes.memory_info box.version nodes high"],
    ],
    [
      "107: nor does a module",
      list({ id: "uptime_seconds", version: "1" }),
      list({ id: "uptime_seconds", version: "2" }),
      ["update facts.modules.uptime_seconds.version modules high"],
    ],
    [
      "107: nor does a name make a change louder",
      list({ id: "m", n: 1 }),
      list({ id: "m", n: 1 }, { id: "error-critical" }),
      ["create facts.modules.error-critical modules high"],
    ],
    [
      "114",
      { facts: { Cluster: { FQDN: "a" } } },
      { facts: { Cluster: { FQDN: "b" } } },
      ["update facts.Cluster.FQDN cluster high"],
    ],
  ])("%s", (_title, previous, current, expected) => {
    expect(judged(previous, current)).toEqual(expected);
  });

  test("deeper than ten segments and past a thousand changes, nothing is lost (case 118)", () => {
    const deep = (value: number): JsonObject => ({
      a: { b: { c: { d: { e: { f: { g: { h: { i: { j: { k: value } } } } } } } } } },
    });
    expect(judged(deep(1), deep(2))).toEqual(["update a.b.c.d.e.f.g.h.i.j.k system medium"]);
    const many = (value: number): JsonObject =>
      Object.fromEntries(Array.from({ length: 1500 }, (_, at) => [`k${at}`, value]));
    expect(judged(many(1), many(2))).toHaveLength(1500);
  });

  test("the row that stands for too many changes is significant and high", () => {
    const [summary] = compareDocuments({ a: 1, b: 1 }, { a: 2, b: 2 }, { maxChanges: 1 });
    expect(summary && rules.classify(summary)).toEqual({
      category: "system",
      severity: "high",
      significant: true,
      suppressible: false,
    });
  });
});

describe("matching", () => {
  const severityOf = (paths: string[], path: string) => {
    const severities = ["critical", "high", "medium"] as const;
    const ruleSet: RuleSet = {
      ...BUILTIN_RULES,
      severities: paths.map((pattern, at) => ({ path: pattern, severity: severities[at] ?? "low" })),
    };
    return openRules(ruleSet).classify(change(path)).severity;
  };

  test.each([
    [["a.**", "a.b"], "a.b", "high"],
    [["a.*", "a.b*"], "a.bc", "high"],
    [["a.**.c", "a.*.c"], "a.b.c", "high"],
    [["**", "a.*"], "a.b", "high"],
    [["*.b", "a.*"], "a.b", "critical"],
    [["a.*", "*.b"], "a.b", "critical"],
    [["a.**.b.**", "x"], "a.1.2.b", "critical"],
    [["a.**.b.*.c", "x"], "a.b.1.b.2.c", "critical"],
    [["a.**", "x"], "a", "critical"],
    [["a.*", "x"], "a", "low"],
    [["a.*", "x"], "a.b.c", "low"],
    [["*x*y*", "q"], "1x2y3", "critical"],
    [["a(b", "q"], "a(b", "critical"],
  ])("of %j, %s takes %s", (paths, path, severity) => {
    expect<string>(severityOf(paths, path)).toBe(severity);
  });

  test("a rule for one kind of change beats the same rule for all kinds", () => {
    const classify = openRules({
      ...BUILTIN_RULES,
      severities: [
        { path: "a", severity: "low" },
        { path: "a", change: ["delete"], severity: "critical" },
      ],
    }).classify;
    expect([classify(change("a", "delete")).severity, classify(change("a")).severity]).toEqual(["critical", "low"]);
  });

  test("a quoted segment may hold a dot", () => {
    const { classify } = openRules({ ...BUILTIN_RULES, categories: [{ path: 'net."eth0.6".*', category: "network" }] });
    expect(classify({ ...change(""), rulePath: ["net", "eth0.6", "up"] }).category).toBe("network");
  });

  test("many ** on a long path take no exponential work", async () => {
    const { classify } = openRules({
      ...BUILTIN_RULES,
      categories: [{ path: `${"**.a.".repeat(30)}**.b`, category: "network" }],
    });
    const spentMs = await cpuOf(() => expect(classify(change("a.".repeat(200) + "c")).category).toBe("system"));
    expect(spentMs).toBeLessThan(200);
  });
});

/** The first Ethernet controller of a list of devices. */
const pullCard = (pci: JsonValue | undefined) => {
  const devices = pci as JsonObject[];
  devices.splice(
    devices.findIndex((device) => device["class_id"] === "0200"),
    1,
  );
};

test.each<[string, string, (facts: JsonObject) => unknown, string[]]>([
  [
    "a network card that vanished from a firewall",
    "nsec-inventory",
    (facts) => pullCard(facts["pci"]),
    ["delete facts.pci.0200:1af4:1041#2 hardware critical"],
  ],
  [
    "the same on a cluster's node",
    "ns8-inventory",
    (facts) => pullCard((facts["nodes"] as Record<string, JsonObject>)["1"]?.["pci"]),
    ["delete facts.nodes.1.pci.0200:1af4:1041#6 hardware critical"],
  ],
  [
    "the password of the factory",
    "nsec-inventory",
    ({ features }) =>
      Object.assign((features as Record<string, JsonObject>)["default_password"] ?? {}, { default_password: true }),
    ["update facts.features.default_password.default_password security critical"],
  ],
  [
    "a system upgrade",
    "nsec-inventory",
    (facts) =>
      Object.assign(facts, {
        kernel_version: "6.6.120",
        image_updates_available: true,
        distro: { name: "NethSecurity", version: "8.7.2" },
        dns_servers: ["8.8.4.4"],
      }),
    [
      "update facts.distro.version os high",
      "delete facts.dns_servers.0 network medium",
      "update facts.image_updates_available os medium",
      "update facts.kernel_version os high",
    ],
  ],
])("on a real document: %s", async (_title, name, alter, expected) => {
  const document: { facts: JsonObject } = await Bun.file(`${FIXTURES}/${name}.json`).json();
  const next = structuredClone(document);
  alter(next.facts);
  expect(judged({ ...document }, { ...next })).toEqual(expected);
});

describe("words that people type", () => {
  const facts = (rest: JsonObject): JsonObject => ({ facts: rest });
  const fact = { total_bytes: 1, used_bytes: 1 };

  test.each<[string, JsonObject, JsonObject, string[]]>([
    [
      "a user database hides nothing",
      facts({ features: { database_stats: { "ad.performance-cars.it": { users: 1 } } } }),
      facts({ features: { database_stats: { "ad.performance-cars.it": { users: 2 } } } }),
      ['update facts.features.database_stats."ad.performance-cars.it".users features medium'],
    ],
    [
      "nor does a mountpoint",
      facts({ mountpoints: { "/mnt/monitoring": fact } }),
      facts({ mountpoints: {} }),
      ["delete facts.mountpoints./mnt/monitoring hardware critical"],
    ],
    [
      "nor does one make anything louder",
      facts({ mountpoints: {} }),
      facts({ mountpoints: { "/mnt/error_logs": fact } }),
      ["create facts.mountpoints./mnt/error_logs hardware medium"],
    ],
    [
      "nor does a domain",
      facts({ modules: [{ id: "traefik1", certificates: {} }] }),
      facts({ modules: [{ id: "traefik1", certificates: { "criticalcare.it": 1 } }] }),
      ['create facts.modules.traefik1.certificates."criticalcare.it" modules low'],
    ],
    [
      "nor do fields of one's own",
      { custom: { uptime_seconds: 1, heartbeat: "a" } },
      { custom: { uptime_seconds: 9, heartbeat: "b", failed: true } },
      [
        "create custom.failed custom low",
        "update custom.heartbeat custom low",
        "update custom.uptime_seconds custom medium",
      ],
    ],
    [
      "nor does a service called like a feature",
      { services: { metrics: { version: "1" }, os: { version: "1" } } },
      { services: { metrics: { version: "2" }, os: { version: "2" } } },
      ["update services.metrics.version services medium", "update services.os.version services medium"],
    ],
  ])("%s", (_title, previous, current, expected) => {
    expect(judged(previous, current)).toEqual(expected);
  });

  test("are asked for by no built-in rule: known segments, one * for each free key, ** only at the end", () => {
    const { categories, severities, significance } = BUILTIN_RULES;
    const paths = [...categories, ...severities, ...significance].map(({ path }) => path);
    const odd = paths.filter((path) => !/^[a-z0-9_]+(\.([a-z0-9_]+|\*))*(\.\*\*)?$/.test(path));
    expect(odd).toEqual(["facts.modules.*.nethvoice_*.**"]);
  });
});

describe("notification", () => {
  const notifies = (notify: RuleSet["notify"], category: string, severity: string, significant = true) =>
    openRules({ ...BUILTIN_RULES, notify }).notifies({ category, severity, significant });

  test("by default takes significant changes that are high or critical", () => {
    const { notify } = BUILTIN_RULES;
    expect(["low", "medium", "high", "critical"].map((severity) => notifies(notify, "os", severity))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(notifies(notify, "os", "critical", false)).toBe(false);
  });

  test("takes what any of its entries takes", () => {
    const notify: RuleSet["notify"] = [
      { min_severity: "critical" },
      { min_severity: "low", categories: ["backup", "security"] },
    ];
    expect(notifies(notify, "backup", "low")).toBe(true);
    expect(notifies(notify, "os", "high")).toBe(false);
    expect(notifies(notify, "os", "critical")).toBe(true);
    expect(notifies([], "os", "critical")).toBe(false);
  });
});
