// Decides what makes an array's element the same one in two documents, whatever its position.
import { sha256 } from "../json/canonical.ts";
import { isExact, isObject, type JsonObject, type JsonValue } from "../json/value.ts";

/** The first that holds a text or a number identifies an object. Modules have an id, user domains and zones a name, … */
const IDENTIFYING_KEYS = ["id", "uuid", "name", "server", "section", "module_id", "domain_id"];
/** A PCI device has no slot in an inventory: equal devices are told apart only by how many there are. */
const PCI_KEYS = ["class_id", "vendor_id", "device_id"];
/** Longer values describe rather than identify. */
const MAX_IDENTITY_LENGTH = 200;
/** Longer contents are compared by their hash. */
const MAX_CONTENT_LENGTH = 2000;

interface Identity {
  /** Unique for key, type and value. */
  key: string;
  /** For people. */
  label: string;
  /** The members that it is made of. */
  of: readonly string[];
}

/** Undefined for everything that is told apart by its whole content. */
export function identityOf(element: JsonValue): Identity | undefined {
  if (!isObject(element)) return undefined;
  for (const key of IDENTIFYING_KEYS) {
    const label = Object.hasOwn(element, key) ? identifyingText(element[key]) : undefined;
    if (label !== undefined) return { key: `${key}:${typeof element[key]}:${label}`, label, of: OF_KEY.get(key) ?? [] };
  }
  const parts = PCI_KEYS.map((key) => (Object.hasOwn(element, key) ? identifyingText(element[key]) : undefined));
  const label = parts.join(":");
  if (parts.includes(undefined) || label.length > MAX_IDENTITY_LENGTH) return undefined;
  return { key: `pci:${label}`, label, of: PCI_KEYS };
}

const OF_KEY = new Map(IDENTIFYING_KEYS.map((key) => [key, [key]]));

/** The members that identify the element in its array, as long as no other element has the same ones. */
export function identifyingMembers(element: JsonValue): JsonObject | undefined {
  const identity = identityOf(element);
  if (!identity || !isObject(element)) return undefined;
  return Object.fromEntries(identity.of.map((key) => [key, element[key] ?? null]));
}

/**
 * Positions of elements whose identifying members another element has as well, be it that those do not identify the other one.
 * Linear: in most arrays all elements are identified by the same members, and else there are few kinds.
 */
export function findShared(array: readonly JsonValue[], identities: readonly (Identity | undefined)[]): Set<number> {
  const shared = new Set<number>();
  for (const of of new Set(identities.map((identity) => identity?.of))) {
    if (!of) continue;
    const holders = new Map<string, number[]>();
    for (const [at, element] of array.entries()) {
      const members = isObject(element) ? membersText(element, of) : undefined;
      if (members === undefined) continue;
      const others = holders.get(members);
      if (others) others.push(at);
      else holders.set(members, [at]);
    }
    for (const places of holders.values())
      if (places.length > 1) for (const at of places) if (identities[at]?.of === of) shared.add(at);
  }
  return shared;
}

function membersText(element: JsonObject, of: readonly string[]): string | undefined {
  let text = "";
  for (const key of of) {
    const value = Object.hasOwn(element, key) ? element[key] : undefined;
    const member = identifyingText(value);
    if (member === undefined) return undefined;
    text += `${typeof value}:${member}\0`;
  }
  return text;
}

function identifyingText(value: JsonValue | undefined): string | undefined {
  if (typeof value === "string") return value !== "" && value.length <= MAX_IDENTITY_LENGTH ? value : undefined;
  if (typeof value === "number") return String(value);
  return isExact(value) && value.rawJSON.length <= MAX_IDENTITY_LENGTH ? value.rawJSON : undefined;
}

/**
 * The names of an array's elements in field paths: identities, made unique by `#2`, `#3` … in the order of contents, and the
 * index for elements without one. The identified names do not depend on the array's order, so whoever rebuilt the array from
 * older documents gives them the same ones, which is how a stored change finds its element again.
 */
export function labelsOf(array: JsonValue[], memo: ContentMemo = new Map()): string[] {
  const groups = new Map<string, { at: number; key: string }[]>();
  const labels = array.map((element, at) => {
    const identity = identityOf(element);
    if (!identity) return String(at);
    const group = groups.get(identity.label);
    if (group) group.push({ at, key: identity.key });
    else groups.set(identity.label, [{ at, key: identity.key }]);
    // A label that looks numbered gets a number of its own, so it is never the second one of another.
    return LOOKS_NUMBERED.test(identity.label) ? `${identity.label}#1` : identity.label;
  });
  for (const [label, group] of groups) {
    if (group.length === 1) continue;
    const contents = group.map(({ at, key }) => ({ at, order: `${key}\0${contentOf(array[at] ?? null, memo)}` }));
    contents.sort((left, right) => compareText(left.order, right.order) || left.at - right.at);
    for (const [times, { at }] of contents.entries()) if (times > 0) labels[at] = `${label}#${times + 1}`;
  }
  return labels;
}

/** Without the indexes, which mean nothing beyond their own document. An element's identity may be the number of its index. */
export const stableLabelsOf = (array: JsonValue[]): (string | undefined)[] =>
  labelsOf(array).map((label, at) => (label === String(at) && !identityOf(array[at] ?? null) ? undefined : label));

const LOOKS_NUMBERED = /#\d+$/;

/** By UTF-16 code unit, as sort() does without a comparison. */
export const compareText = (left: string, right: string) => (left < right ? -1 : left > right ? 1 : 0);

/** Contents of composite elements met so far: nested arrays are asked about at each level, and answered once. */
export type ContentMemo = Map<JsonValue, string>;

/** Equal exactly for values of equal content, where the order of keys and of array elements does not count. */
export function contentOf(value: JsonValue, memo: ContentMemo): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isExact(value)) return value.rawJSON;
  const known = memo.get(value);
  if (known !== undefined) return known;
  const content = shortened(Array.isArray(value) ? arrayContent(value, memo) : objectContent(value, memo));
  memo.set(value, content);
  return content;
}

const arrayContent = (array: JsonValue[], memo: ContentMemo) =>
  `[${array
    .map((element) => contentOf(element, memo))
    .sort()
    .join(",")}]`;

function objectContent(value: JsonObject, memo: ContentMemo): string {
  let text = "{";
  for (const key of Object.keys(value).sort()) text += `${JSON.stringify(key)}:${contentOf(value[key] ?? null, memo)},`;
  return `${text}}`;
}

/** `#` begins no JSON, so a hash is never taken for a content. */
const shortened = (content: string) => (content.length > MAX_CONTENT_LENGTH ? `#${sha256(content)}` : content);
