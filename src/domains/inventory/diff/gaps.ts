// Finds what an appliance could not collect, so that "not asked" is never reported as "gone".
import { getOwn, isObject, type JsonObject, type JsonValue } from "../../../values/json/value.ts";

/** A part of a document that was not collected. */
export interface Gap {
  /** Raw keys down to the part; a module is named by its id. Changes at or below it say nothing about the appliance. */
  path: string[];
  reason: string;
}

/** Sentences for people; empty when all was collected as far as the document, and the one before it, can tell. */
export function partialReasons(document: JsonObject, previous?: JsonObject): string[] {
  const reasons = findGaps(document, previous).map((gap) => gap.reason);
  if (getOwn(document, "uuid") === null) reasons.push("the installation's uuid is null");
  return [...new Set(reasons)];
}

/** What `document` lacks. `other` is its neighbor in the history, which shows what could have been there. */
export function findGaps(document: JsonObject, other?: JsonObject, { isEarlier = false } = {}): Gap[] {
  const installation = getOwn(document, "installation");
  if (installation !== "nethserver" && installation !== "nethsecurity") return [];
  const facts = getOwn(document, "facts");
  const otherFacts = other ? getOwn(other, "facts") : undefined;
  const neighbor = isObject(otherFacts) ? otherFacts : {};
  if (!isObject(facts)) return [{ path: ["facts"], reason: "facts were not collected" }];
  const sections = installation === "nethserver" ? ["cluster", "nodes", "modules"] : ["features", "mountpoints"];
  const gaps = sections
    .filter(
      (name) =>
        isUncollected(facts, name) || (!isEarlier && !Object.hasOwn(facts, name) && Object.hasOwn(neighbor, name)),
    )
    .map((name) => ({ path: ["facts", name], reason: `facts.${name} was not collected` }));
  if (installation === "nethsecurity") return [...gaps, ...gapsOfMachine(facts, neighbor)];
  return [...gaps, ...gapsOfNodes(facts, neighbor), ...gapsOfModules(facts, neighbor)];
}

/** What the firmware tells is "" where it could not be read; a machine that never told is no gap. */
const gapsOfMachine = (facts: JsonObject, neighbor: JsonObject): Gap[] =>
  ["product", "virtual"]
    .filter((name) => isBlank(getOwn(facts, name)) && !isBlank(getOwn(neighbor, name) ?? ""))
    .map((name) => ({ path: ["facts", name], reason: `facts.${name} was not collected` }));

const isBlank = (value: JsonValue | undefined): boolean =>
  value === "" || (isObject(value ?? null) && Object.values(value as JsonObject).every((member) => member === ""));

/**
 * A section that is there and empty, or null, failed: there is no cluster without a node or a module. An absent one failed
 * only when the document before had it; the first document that has it may come from a newer version that tells more.
 */
function isUncollected(facts: JsonObject, name: string): boolean {
  const value = getOwn(facts, name);
  if (isObject(value)) return Object.keys(value).length === 0;
  return value === null || (Array.isArray(value) && value.length === 0);
}

/** A node that modules or the cluster still speak of did not answer; one that nobody names was removed. */
function gapsOfNodes(facts: JsonObject, neighbor: JsonObject): Gap[] {
  const nodes = getOwn(facts, "nodes");
  if (!isObject(nodes) || Object.keys(nodes).length === 0) return [];
  const cluster = getOwn(facts, "cluster");
  const modules = modulesOf(facts);
  const named = (modules.length > 0 ? modules : modulesOf(neighbor)).map((module) => getOwn(module, "node"));
  if (isObject(cluster)) named.push(getOwn(cluster, "leader_node_id"));
  const ids = named.filter((id) => typeof id === "string");
  const missing = new Set(ids.filter((id) => id !== "" && !Object.hasOwn(nodes, id)));
  return [...missing].map((id) => ({ path: ["facts", "nodes", id], reason: `node ${id} did not answer` }));
}

/** Keys that every module has, also where its own collector failed. */
const BASE_KEYS = new Set([
  "id",
  "version",
  "module",
  "name",
  "source",
  "node",
  "certification_level",
  "update_available",
  "user_domains",
  "fqdns",
  "ui_name",
]);
const ERROR_MARK = /_facts_error$/;

function gapsOfModules(facts: JsonObject, neighbor: JsonObject): Gap[] {
  const otherModules = modulesById(neighbor);
  return [...modulesById(facts)].flatMap(([id, module]) => {
    const before = otherModules.get(id);
    const marks = Object.keys(module).filter((key) => ERROR_MARK.test(key));
    if (marks.length > 0) {
      // The mark and what one of the two documents lacks because of it; values that both have were really collected.
      const lacking = [...keysOnlyIn(before, module), ...keysOnlyIn(module, before)];
      const reason = `module ${id} reports ${marks.join(", ")}`;
      return [...new Set([...marks, ...lacking])].map((key) => ({ path: ["facts", "modules", id, key], reason }));
    }
    const own = ownFactsOf(before);
    if (own.length === 0 || ownFactsOf(module).length > 0) return [];
    const reason = `module ${id} gave none of its own facts`;
    return own.map((key) => ({ path: ["facts", "modules", id, key], reason }));
  });
}

const ownFactsOf = (module: JsonObject | undefined) => Object.keys(module ?? {}).filter((key) => !BASE_KEYS.has(key));
const keysOnlyIn = (one: JsonObject | undefined, other: JsonObject | undefined) =>
  one && other ? ownFactsOf(one).filter((key) => !Object.hasOwn(other, key)) : [];

/** One of each id: a document may repeat an id as often as it likes. */
function modulesById(facts: JsonObject): Map<string, JsonObject> {
  const found = new Map<string, JsonObject>();
  for (const module of modulesOf(facts)) {
    const id = getOwn(module, "id");
    if (typeof id === "string") found.set(id, module);
  }
  return found;
}

function modulesOf(facts: JsonObject): JsonObject[] {
  const modules = getOwn(facts, "modules");
  return Array.isArray(modules) ? modules.filter(isObject) : [];
}
