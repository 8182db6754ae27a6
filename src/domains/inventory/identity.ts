// What makes an array's element the same one in two documents, whatever its position.
import { sha256 } from "./canonical.ts";
import { isExact, isObject, type JsonObject, type JsonValue } from "./json.ts";

/** The first that holds a text or a number identifies an object. Modules have an id, user domains and zones a name, … */
const IDENTIFYING_KEYS = ["id", "uuid", "name", "server", "section", "module_id", "domain_id"];
/** A PCI device has no slot in an inventory: equal devices are told apart only by how many there are. */
const PCI_KEYS = ["class_id", "vendor_id", "device_id"];
/** Longer values describe rather than identify. */
const MAX_IDENTITY_LENGTH = 200;
/** Longer contents are compared by their hash. */
const MAX_CONTENT_LENGTH = 2000;

export interface Identity {
  /** Unique for key, type and value. */
  key: string;
  /** For people. */
  label: string;
}

/** Undefined for everything that is told apart by its whole content. */
export function identityOf(element: JsonValue): Identity | undefined {
  if (!isObject(element)) return undefined;
  for (const key of IDENTIFYING_KEYS) {
    const label = Object.hasOwn(element, key) ? identifyingText(element[key]) : undefined;
    if (label !== undefined) return { key: `${key}:${typeof element[key]}:${label}`, label };
  }
  const parts = PCI_KEYS.map((key) => (Object.hasOwn(element, key) ? identifyingText(element[key]) : undefined));
  const label = parts.join(":");
  return parts.includes(undefined) || label.length > MAX_IDENTITY_LENGTH ? undefined : { key: `pci:${label}`, label };
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
