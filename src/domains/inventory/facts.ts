// The few facts of an inventory that a system is listed with.
import { isIPv4, isIPv6 } from "node:net";
import { getOwn, isObject, type JsonObject, type JsonValue } from "./json.ts";

export interface SystemFacts {
  type: string | undefined;
  fqdn: string | undefined;
  version: string | undefined;
  ipv4: string | undefined;
  ipv6: string | undefined;
  name: string | undefined;
}

/** Characters; a longer value is not what the field is for and is left out rather than cut. */
const MAX_LENGTHS = { type: 100, fqdn: 255, version: 100, name: 255 };

/** Never throws, and every value it gives fits its column. Undefined means: nothing new to say. */
export function extractFacts(document: JsonObject): SystemFacts {
  const installation = getOwn(document, "installation");
  if (installation === "nethserver") return clusterFacts(document);
  if (installation === "nethsecurity") return firewallFacts(document);
  return legacyFacts(document);
}

/** The leader speaks for the cluster; node 1 does where no node says that it leads. */
function clusterFacts(document: JsonObject): SystemFacts {
  const nodes = at(document, "facts", "nodes");
  const leader = isObject(nodes)
    ? (Object.values(nodes).find((node) => at(node, "cluster_leader") === true) ?? getOwn(nodes, "1"))
    : undefined;
  return {
    type: "ns8",
    name: text(at(document, "facts", "cluster", "ui_name"), MAX_LENGTHS.name),
    fqdn: text(at(leader, "fqdn"), MAX_LENGTHS.fqdn),
    version: text(at(leader, "version"), MAX_LENGTHS.version),
    ipv4: ipv4(at(leader, "default_ipv4")),
    ipv6: ipv6(at(leader, "default_ipv6")),
  };
}

function firewallFacts(document: JsonObject): SystemFacts {
  return {
    type: "nsec",
    name: undefined,
    fqdn: text(at(document, "facts", "fqdn"), MAX_LENGTHS.fqdn),
    version: text(at(document, "facts", "distro", "version"), MAX_LENGTHS.version),
    ipv4: ipv4(at(document, "facts", "default_ipv4")),
    ipv6: ipv6(at(document, "facts", "default_ipv6")),
  };
}

const LEGACY_TYPES = new Map([
  ["nethserver", "ns8"],
  ["nethsecurity", "nsec"],
]);

/** Documents of the former collectors, and of any other sender that follows their names. */
function legacyFacts(document: JsonObject): SystemFacts {
  const type = text(at(document, "os", "type"), MAX_LENGTHS.type);
  return {
    type: type === undefined ? undefined : (LEGACY_TYPES.get(type) ?? type),
    name: undefined,
    fqdn: text(at(document, "networking", "fqdn"), MAX_LENGTHS.fqdn),
    version: text(at(document, "os", "release", "full"), MAX_LENGTHS.version),
    ipv4: ipv4(at(document, "public_ip")),
    ipv6: undefined,
  };
}

function at(value: JsonValue | undefined, ...keys: string[]): JsonValue | undefined {
  return keys.reduce<JsonValue | undefined>((found, key) => (isObject(found) ? getOwn(found, key) : undefined), value);
}

function text(value: JsonValue | undefined, maxLength: number): string | undefined {
  if (typeof value !== "string" || value.trim() === "" || value.length > maxLength) return undefined;
  return value.includes("\0") || !value.isWellFormed() ? undefined : value;
}

const ipv4 = (value: JsonValue | undefined) => (typeof value === "string" && isIPv4(value) ? value : undefined);

/** PostgreSQL's inet knows no zone (`%eth0`). */
const ipv6 = (value: JsonValue | undefined) =>
  typeof value === "string" && isIPv6(value) && !value.includes("%") ? value : undefined;
