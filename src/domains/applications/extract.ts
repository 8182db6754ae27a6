// Extracts the applications of an NS8 inventory: never throws, and every value it gives fits its column.
import type { JsonObject, JsonValue } from "../../values/json/value.ts";

export interface Application {
  moduleId: string;
  instanceOf: string;
  name: string | null;
  displayName: string | null;
  source: string | null;
  version: string | null;
  nodeId: number | null;
  nodeLabel: string | null;
  isUserFacing: boolean;
  /** JSON text of what else the module says, with its user domains in full. */
  inventoryData: string;
}

export interface Extracted {
  applications: Application[];
  /** Modules that are listed, so they are not gone, but have nothing that can be stored. */
  unreadable: Set<string>;
  /** False when an entry has no id, or the list was cut: an application that is missing may still be there. */
  complete: boolean;
  /** Name of the cluster, for links. */
  fqdn: string | undefined;
}

/** Characters. A longer id is ignored; longer texts are cut. */
const MAX_ID_LENGTH = 255;
const MAX_TEXT_LENGTH = 500;
const MAX_INT4 = 2_147_483_647;
/** Far above any cluster; bounds the rows of one document. */
const MAX_MODULES = 50_000;
/** Characters of user domains that are copied into the modules of one document; beyond it only their names are. */
const MAX_DOMAIN_TEXT = 1024 ** 2;

/** Parts of the cluster itself, which no user opens. */
const INTERNAL = new Set([
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
]);

/** Undefined for any other inventory than one of NS8 with a list of modules. Of a repeated id the last entry counts. */
export function extractApplications(document: JsonObject): Extracted | undefined {
  if (own(document, "installation") !== "nethserver") return undefined;
  const facts = own(document, "facts");
  const modules = own(facts, "modules");
  if (!Array.isArray(modules) || modules.length === 0) return undefined;
  const cluster = own(facts, "cluster");
  const nodes = own(facts, "nodes");
  const domains = openDomains(own(cluster, "user_domains"));
  const applications = new Map<string, Application>();
  const unreadable = new Set<string>();
  let complete = modules.length <= MAX_MODULES;
  for (const module of modules.slice(0, MAX_MODULES)) {
    const moduleId = idOf(own(module, "id"));
    const instanceOf = idOf(own(module, "module"));
    if (moduleId === undefined || !isObject(module)) complete = false;
    else if (instanceOf === undefined) unreadable.add(moduleId);
    else applications.set(moduleId, read(module, { moduleId, instanceOf, nodes, domains }));
  }
  return { applications: [...applications.values()], unreadable, complete, fqdn: hostName(own(cluster, "fqdn")) };
}

interface Context {
  moduleId: string;
  instanceOf: string;
  nodes: JsonValue | undefined;
  domains: Domains;
}

/** Members that have a column of their own. */
const COLUMNS = new Set(["id", "module", "name", "ui_name", "source", "version", "node"]);

function read(module: JsonObject, { moduleId, instanceOf, nodes, domains }: Context): Application {
  const node = own(module, "node");
  const rest = Object.entries(module).filter(([key]) => !COLUMNS.has(key));
  const members = rest.map(
    ([key, value]) =>
      `${JSON.stringify(key)}:${key === "user_domains" ? domains.describe(value) : JSON.stringify(value)}`,
  );
  return {
    moduleId,
    instanceOf,
    name: textOf(own(module, "name")),
    displayName: textOf(own(module, "ui_name")),
    source: textOf(own(module, "source")),
    version: textOf(own(module, "version")),
    nodeId: integerOf(node),
    nodeLabel: typeof node === "string" ? textOf(own(own(nodes, node), "ui_name")) : null,
    isUserFacing: !INTERNAL.has(instanceOf),
    inventoryData: `{${members.join(",")}}`,
  };
}

interface Domains {
  /** JSON text of a module's user domains, each as the cluster describes it. */
  describe(names: JsonValue): string;
}

function openDomains(described: JsonValue | undefined): Domains {
  const texts = new Map<string, string>();
  for (const one of Array.isArray(described) ? described : []) {
    const name = own(one, "name");
    if (typeof name === "string") texts.set(name, JSON.stringify(one));
  }
  let left = MAX_DOMAIN_TEXT;
  return {
    describe(names) {
      if (!Array.isArray(names)) return JSON.stringify(names);
      const parts = names.map((name) => {
        if (typeof name !== "string") return JSON.stringify(name);
        const full = texts.get(name);
        if (full === undefined || full.length > left) return JSON.stringify({ name });
        left -= full.length;
        return full;
      });
      return `[${parts.join(",")}]`;
    },
  };
}

/** Where users open it; null when it is not for users, or the cluster's name is unknown. */
export function urlOf({ isUserFacing, moduleId }: Application, fqdn: string | undefined): string | null {
  return isUserFacing && fqdn !== undefined
    ? `https://${fqdn}/cluster-admin/#/apps/${encodeURIComponent(moduleId.toWellFormed())}`
    : null;
}

/** Undefined unless it can be part of a link as it is. */
export function hostName(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" && /^[a-z0-9]([a-z0-9.-]{0,253})$/i.test(value) ? value : undefined;
}

/** An id as it was sent, or undefined: a cut id would name something else. */
function idOf(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" && value.trim() !== "" && value.length <= MAX_ID_LENGTH && isStorable(value)
    ? value
    : undefined;
}

function textOf(value: JsonValue | undefined): string | null {
  if (typeof value !== "string" || value.trim() === "" || value.includes("\0")) return null;
  return value.slice(0, MAX_TEXT_LENGTH).toWellFormed();
}

const isStorable = (text: string) => !text.includes("\0") && text.isWellFormed();

function integerOf(value: JsonValue | undefined): number | null {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string" || !/^-?\d{1,10}$/.test(text)) return null;
  const number = Number(text);
  return Math.abs(number) <= MAX_INT4 ? number : null;
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);

/** An own member of a value that may be an object. */
const own = (value: JsonValue | undefined, key: string): JsonValue | undefined =>
  isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
