// What an inventory says is installed: each product with its version, the one thing that rules about versions look at.
import type { NewestInventory } from "../inventory/index.ts";

export interface Installed {
  /** Lower case: a system's type (ns8, nsec), module/<module>, distro/<name>, kernel. */
  product: string;
  /** Which one, where a system has several: a module's id, a node. Empty where there can be only one. */
  instance: string;
  version: string;
}

type Value = NewestInventory["document"][string] | undefined;

/** Characters; a longer text is not what the field is for. */
const MAX_LENGTH = 100;
/** Of one system. NS8 clusters have some dozens. */
const MAX_INSTALLED = 2_000;

/** Never throws. Sorted, so that equal inventories give equal lists. */
export function listInstalled(document: NewestInventory["document"]): Installed[] {
  const installation = at(document, "installation");
  const found =
    installation === "nethserver"
      ? [...nodes(document), ...modules(document)]
      : installation === "nethsecurity"
        ? machine(at(document, "facts"), "")
        : legacy(document);
  return sorted(found).slice(0, MAX_INSTALLED);
}

/** Of an inventory of which a part was not collected: what it does not mention is still there. */
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

/** Documents of the former collectors, and of any other sender that follows their names. */
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

/** The last of two that are the same instance of the same product stays. */
function sorted(installed: Installed[]): Installed[] {
  const byKey = new Map(installed.map((one) => [`${one.product}\0${one.instance}`, one]));
  return [...byKey].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, one]) => one);
}

function at(value: Value, ...keys: string[]): Value {
  return keys.reduce<Value>(
    (found, key) => (Object.hasOwn(objectOf(found), key) ? objectOf(found)[key] : undefined),
    value,
  );
}

const objectAt = (value: Value, ...keys: string[]) => objectOf(at(value, ...keys));

function objectOf(value: Value): NewestInventory["document"] {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value)
    ? (value as NewestInventory["document"])
    : {};
}

/** PostgreSQL's text knows no U+0000 and no half of a surrogate pair. */
function textOf(value: Value): string | undefined {
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  const fits = text !== "" && text.length <= MAX_LENGTH && !text.includes("\0") && text.isWellFormed();
  return fits ? text : undefined;
}
