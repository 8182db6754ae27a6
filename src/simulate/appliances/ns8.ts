// Simulates an NS8 cluster that evolves from inventory to inventory: one to five nodes, ten to forty applications.
import { APPLICATIONS, WORDS } from "./catalogue.ts";
import { openJournal } from "./journal.ts";
import type { Holder, Journal, Json, JsonObject, Snapshot } from "./journal.ts";
import { makeAddress, makeClusterFacts, makeNode } from "./ns8-facts.ts";
import { liveOn, makeModule, reconfigure, updateVersion } from "./ns8-modules.ts";
import type { Random } from "./random.ts";

interface Cluster {
  random: Random;
  journal: Journal;
  domain: string;
  document: JsonObject;
  cluster: JsonObject;
  nodes: JsonObject;
  modules: JsonObject[];
  /** The highest number given out, for nodes and for each application: ids are not used again. */
  lastIds: Map<string, number>;
}

const MAX_NODES = 5;
/** Each document grows with its nodes and applications; devices fill it up to what real ones weigh. */
const PCI_DEVICES = { low: 110, high: 170 };

export function makeCluster(random: Random): () => Snapshot {
  const cluster = assemble(random);
  let isFirst = true;
  return () => {
    if (!isFirst) evolve(cluster);
    isFirst = false;
    return { document: structuredClone(cluster.document), changes: cluster.journal.take() };
  };
}

function assemble(random: Random): Cluster {
  const domain = `${random.pick(WORDS)}${random.between(1, 999)}.it`;
  const cluster = makeClusterFacts(random, domain);
  const nodeCount = random.pick([1, 1, 2, 2, 3, 4, MAX_NODES]);
  const devices = Math.floor(random.between(PCI_DEVICES.low, PCI_DEVICES.high) / nodeCount);
  const nodes: JsonObject = {};
  const modules: JsonObject[] = [];
  const facts: JsonObject = { cluster, nodes, modules, migration: { from_legacy_system_id: null, migrated_at: null } };
  const document: JsonObject = {
    $schema: "https://schema.nethserver.org/facts/2022-12.json",
    uuid: random.uuid(),
    installation: "nethserver",
    facts,
  };
  const made: Cluster = {
    random,
    journal: openJournal(),
    domain,
    document,
    cluster,
    nodes,
    modules,
    lastIds: new Map(),
  };
  for (let at = 1; at <= nodeCount; at++) {
    const id = nextId(made, "node");
    nodes[String(id)] = makeNode(random, domain, id, devices);
    for (const module of ["traefik", "ldapproxy"]) modules.push(newModule(made, module, String(id)));
  }
  const applications = random.between(10, 40) - modules.length;
  for (let added = 0; added < applications; added++) modules.push(newModule(made, random.pick(APPLICATIONS)));
  return made;
}

function evolve(cluster: Cluster): void {
  const { random } = cluster;
  for (const node of nodeHolders(cluster)) tickNode(cluster, node);
  for (const module of moduleHolders(cluster)) liveOn(random, cluster.journal, module);
  if (random.chance(0.35)) for (let times = random.between(1, 3); times > 0; times--) random.pick(EVENTS)(cluster);
  reorder(cluster);
}

type Event = (cluster: Cluster) => void;

const EVENTS: Event[] = [
  (cluster) => reconfigure(cluster.random, cluster.journal, cluster.random.pick(moduleHolders(cluster))),
  (cluster) => reconfigure(cluster.random, cluster.journal, cluster.random.pick(moduleHolders(cluster))),
  (cluster) => updateVersion(cluster.random, cluster.journal, cluster.random.pick(moduleHolders(cluster))),
  updateCore,
  installApplication,
  removeApplication,
  addNode,
  removeNode,
  changeAddress,
  updateKernel,
  changeClusterSettings,
  changeClusterSettings,
];

function tickNode({ random, journal }: Cluster, node: Holder): void {
  const { object } = node;
  const hasRestarted = random.chance(0.03);
  const uptime = hasRestarted
    ? random.between(60, 28_800)
    : Number(object["uptime_seconds"]) + random.between(28_700, 28_900);
  journal.set("noise", node, "uptime_seconds", uptime);
  for (const kind of ["system", "swap"]) {
    const memory = (object["memory"] as JsonObject)[kind] as JsonObject;
    const total = Number(memory["used_bytes"]) + Number(memory["available_bytes"]);
    const used = Math.floor(total * (0.05 + random.next() * 0.9));
    const holder = { object: memory, place: `${node.place}/memory/${kind}` };
    journal.set("noise", holder, "used_bytes", used);
    journal.set("noise", holder, "available_bytes", total - used);
  }
}

/** A release of the core reaches all nodes in one go. */
function updateCore(cluster: Cluster): void {
  const [major = "3", minor = "18", patch = "0"] = String(nodeHolders(cluster)[0]?.object["version"]).split(".");
  for (const node of nodeHolders(cluster))
    cluster.journal.set("event", node, "version", `${major}.${minor}.${Number(patch) + 1}`);
}

function installApplication(cluster: Cluster): void {
  if (cluster.modules.length >= 40) return;
  const module = newModule(cluster, cluster.random.pick(APPLICATIONS));
  cluster.journal.add("event", modulesOf(cluster), String(module["id"]), module);
  const route = traefikOf(cluster, String(module["node"]));
  const [host] = module["fqdns"] as string[];
  if (route && host) cluster.journal.set("noise", route, host, String(module["id"]));
}

function removeApplication(cluster: Cluster): void {
  const removable = cluster.modules.filter(({ module }) => module !== "traefik" && module !== "ldapproxy");
  if (removable.length > 5) removeModule(cluster, cluster.random.pick(removable));
}

function removeModule(cluster: Cluster, module: JsonObject): void {
  const id = String(module["id"]);
  const route = traefikOf(cluster, String(module["node"]));
  if (route) {
    for (const [host, target] of Object.entries(route.object))
      if (target === id) cluster.journal.remove("noise", route, host);
  }
  cluster.journal.drop("event", modulesOf(cluster), id, (element) => element === module);
}

function addNode(cluster: Cluster): void {
  const { random, journal, nodes } = cluster;
  if (Object.keys(nodes).length >= MAX_NODES) return;
  const id = nextId(cluster, "node");
  const version = nodeHolders(cluster)[0]?.object["version"] ?? "3.18.2";
  const node = { ...makeNode(random, cluster.domain, id, 20), version };
  journal.set("event", { object: nodes, place: "facts/nodes" }, String(id), node);
  for (const name of ["traefik", "ldapproxy"]) {
    const module = newModule(cluster, name, String(id));
    journal.add("event", modulesOf(cluster), String(module["id"]), module);
  }
}

/** Its applications go with it; the leader stays. */
function removeNode(cluster: Cluster): void {
  const ids = Object.keys(cluster.nodes).filter((id) => id !== "1");
  if (ids.length === 0 || cluster.modules.length < 10) return;
  const id = cluster.random.pick(ids);
  for (const module of cluster.modules.filter(({ node }) => node === id)) removeModule(cluster, module);
  cluster.journal.remove("event", { object: cluster.nodes, place: "facts/nodes" }, id);
}

function changeAddress(cluster: Cluster): void {
  const node = cluster.random.pick(nodeHolders(cluster));
  cluster.journal.set("event", node, "default_ipv4", makeAddress(cluster.random));
}

function updateKernel(cluster: Cluster): void {
  const node = cluster.random.pick(nodeHolders(cluster));
  const build = Number(/-(\d+)-/.exec(String(node.object["kernel_version"]))?.[1] ?? 37) + 1;
  cluster.journal.set("event", node, "kernel_version", `6.1.0-${build}-amd64`);
  cluster.journal.set("noise", node, "uptime_seconds", cluster.random.between(60, 3600));
}

function changeClusterSettings({ random, journal, cluster }: Cluster): void {
  const part = (name: string) => ({ object: cluster[name] as JsonObject, place: `facts/cluster/${name}` });
  switch (random.between(0, 4)) {
    case 0:
      return journal.set("event", part("smarthost"), "enabled", !part("smarthost").object["enabled"]);
    case 1:
      return journal.set("event", part("backup"), "backup_count", Number(part("backup").object["backup_count"]) + 1);
    case 2:
      return journal.set("event", part("admins"), "2fa", (Number(part("admins").object["2fa"]) + 1) % 4);
    case 3:
      return journal.set(
        "event",
        { object: cluster, place: "facts/cluster" },
        "subscription",
        random.pick(["enterprise", "community"]),
      );
    default: {
      const domain = random.pick(cluster["user_domains"] as JsonObject[]);
      const holder = { object: domain, place: `facts/cluster/user_domains/${String(domain["name"])}` };
      return journal.set("event", holder, "total_users", Number(domain["total_users"]) + random.between(1, 5));
    }
  }
}

/** Python sets and Redis scans give lists in any order; only their contents matter. */
function reorder({ random, cluster, modules }: Cluster): void {
  const shuffle = (object: JsonObject, key: string) => (object[key] = random.shuffled(object[key] as Json[]));
  shuffle(cluster, "repositories");
  for (const module of modules) for (const key of ["fqdns", "user_domains"]) shuffle(module, key);
  if (random.chance(0.1)) modules.splice(0, modules.length, ...random.shuffled(modules));
}

function newModule(
  cluster: Cluster,
  module: string,
  node = cluster.random.pick(Object.keys(cluster.nodes)),
): JsonObject {
  const id = `${module}${nextId(cluster, module)}`;
  return makeModule(cluster.random, { id, module, node, domain: cluster.domain });
}

function nextId({ lastIds }: Cluster, kind: string): number {
  const id = (lastIds.get(kind) ?? 0) + 1;
  lastIds.set(kind, id);
  return id;
}

const modulesOf = ({ modules }: Pick<Cluster, "modules">) => ({ array: modules as Json[], place: "facts/modules" });
const moduleHolders = ({ modules }: Pick<Cluster, "modules">): Holder[] =>
  modules.map((object) => ({ object, place: `facts/modules/${String(object["id"])}` }));
const nodeHolders = ({ nodes }: Pick<Cluster, "nodes">): Holder[] =>
  Object.entries(nodes).map(([id, node]) => ({ object: node as JsonObject, place: `facts/nodes/${id}` }));

function traefikOf(cluster: Cluster, node: string): Holder | undefined {
  const traefik = moduleHolders(cluster).find(
    ({ object }) => object["module"] === "traefik" && object["node"] === node,
  );
  return (
    traefik && { object: traefik.object["name_module_map"] as JsonObject, place: `${traefik.place}/name_module_map` }
  );
}
