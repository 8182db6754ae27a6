// Lists what is installed on a system by its inventory: each product with its version.
import { getOwn, isObject } from "../../values/json/value.ts";
import type { JsonObject, JsonValue } from "../../values/json/value.ts";

export interface Installed {
  /** In lower case: a system's type (ns8, nsec), module/<module>, distro/<name>, kernel. */
  product: string;
  /** A module's id or a node, where a system can have several. Empty where it can have only one. */
  instance: string;
  version: string;
}

type Value = JsonValue | undefined;

/** Characters. A longer text is no version and no name, and is left out. */
const MAX_LENGTH = 100;
/** Products of one system. NS8 clusters have some dozens. */
const MAX_INSTALLED = 2_000;

/** Never throws. Sorted, so that equal inventories give equal lists. */
export function listInstalled(document: JsonObject): Installed[] {
  const installation = at(document, "installation");
  const found =
    installation === "nethserver"
      ? [...nodes(document), ...modules(document)]
      : installation === "nethsecurity"
        ? machine(at(document, "facts"), "")
        : legacy(document);
  return sorted(found).slice(0, MAX_INSTALLED);
}

/** For an inventory whose collectors failed in part: what it does not mention is taken as still installed. */
export function mergeInstalled(known: readonly Installed[], mentioned: readonly Installed[]): Installed[] {
  return sorted([...known, ...mentioned]).slice(0, MAX_INSTALLED);
}

function nodes(document: Value): Installed[] {
  return Object.entries(objectAt(document, "facts", "nodes")).flatMap(([id, node]) => {
    const instance = `node ${id}`;
    return [...one("ns8", instance, at(node, "version")), ...machine(node, instance)];
  });
}

function modules(document: Value): Installed[] {
  const list = at(document, "facts", "modules");
  if (!Array.isArray(list)) return [];
  return list.flatMap((module) => {
    const [name, id] = [textOf(at(module, "module")), textOf(at(module, "id"))];
    return name && id ? one(`module/${name}`, id, at(module, "version")) : [];
  });
}

function machine(facts: Value, instance: string): Installed[] {
  const name = textOf(at(facts, "distro", "name"));
  return [
    ...(name ? one(`distro/${name}`, instance, at(facts, "distro", "version")) : []),
    ...one("kernel", instance, at(facts, "kernel_version")),
  ];
}

/** Reads documents of older collectors, and of any sender that uses their names. */
function legacy(document: Value): Installed[] {
  const name = textOf(at(document, "os", "name"));
  const release = at(document, "os", "release", "full") ?? at(document, "os", "version");
  return [
    ...(name ? one(`distro/${name}`, "", release) : []),
    ...one("kernel", "", at(document, "kernelrelease") ?? at(document, "os", "kernel")),
  ];
}

function one(product: string, instance: string, version: Value): Installed[] {
  const text = textOf(version);
  if (text === undefined || instance.length > MAX_LENGTH) return [];
  return [{ product: product.toLowerCase(), instance, version: text }];
}

/** Of several entries for one instance of a product the last one counts. */
function sorted(installed: Installed[]): Installed[] {
  const byKey = new Map(installed.map((one) => [`${one.product}\0${one.instance}`, one]));
  return [...byKey].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, one]) => one);
}

const at = (value: Value, ...keys: string[]): Value =>
  keys.reduce<Value>((found, key) => (isObject(found) ? getOwn(found, key) : undefined), value);

function objectAt(value: Value, ...keys: string[]): JsonObject {
  const found = at(value, ...keys);
  return isObject(found) ? found : {};
}

/** PostgreSQL's text holds neither U+0000 nor half of a surrogate pair. */
function textOf(value: Value): string | undefined {
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  const fits = text !== "" && text.length <= MAX_LENGTH && !text.includes("\0") && text.isWellFormed();
  return fits ? text : undefined;
}
