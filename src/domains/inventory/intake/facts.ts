// Picks the few facts of an inventory that a system is listed with.
import { isIPv4, isIPv6 } from "node:net";
import { getOwn, isObject, type JsonObject, type JsonValue } from "../../../values/json/value.ts";

export interface SystemFacts {
  type: string | undefined;
  fqdn: string | undefined;
  version: string | undefined;
  ipv4: string | undefined;
  ipv6: string | undefined;
  name: string | undefined;
}

/** Characters. A longer value is left out rather than cut: it is not what the field is for. */
const MAX_LENGTHS = { type: 100, fqdn: 255, version: 100, name: 255 };

/** Never throws; every value fits its column. Undefined leaves what is known. */
export function extractFacts(document: JsonObject): SystemFacts {
  const installation = getOwn(document, "installation");
  if (installation === "nethserver") return clusterFacts(document);
  if (installation === "nethsecurity") return firewallFacts(document);
  return plainFacts(document);
}

/** Takes the leader's facts for the cluster's; node 1's where no node says that it leads. */
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

/** What people and programs call the two products. */
const PRODUCTS = new Map([
  ["nethserver", "ns8"],
  ["nethsecurity", "nsec"],
  ["nethsec", "nsec"],
]);

/** Any sender's plain document, and those of the former collectors: the first of the places that says something. */
function plainFacts(document: JsonObject): SystemFacts {
  const os = (...keys: string[]) => at(document, "os", ...keys);
  return {
    type: productOf(os("type")) ?? productOf(os("name")),
    name: undefined,
    fqdn: first([at(document, "fqdn"), at(document, "networking", "fqdn")], (value) => text(value, MAX_LENGTHS.fqdn)),
    version: first([at(document, "version"), os("release", "full"), os("version")], (value) =>
      text(value, MAX_LENGTHS.version),
    ),
    ipv4: first([at(document, "ipv4_address"), at(document, "public_ip")], ipv4),
    ipv6: ipv6(at(document, "ipv6_address")),
  };
}

/** One word in small letters, such as `ns8` or `rocky-linux`. */
function productOf(value: JsonValue | undefined): string | undefined {
  const name = text(value, MAX_LENGTHS.type)?.trim().toLowerCase().split(/\s+/).join("-");
  return name === undefined ? undefined : (PRODUCTS.get(name) ?? name);
}

function first<Value>(values: (JsonValue | undefined)[], read: (value: JsonValue | undefined) => Value | undefined) {
  for (const value of values) {
    const found = read(value);
    if (found !== undefined) return found;
  }
  return undefined;
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
