// Finds faults of the rules file's alert sections that a schema cannot: texts that are no versions, empty ranges, duplicates.
import { Value } from "@sinclair/typebox/value";
import { compareVersions, parseVersion } from "../../values/version.ts";
import { Advisory, MOST_COMMON, Requirement } from "./schema.ts";

/** Pairs of [pointer, fault]. */
export function findSectionFaults(file: Record<string, unknown>): [pointer: string, fault: string][] {
  const faults: [string, string][] = [];
  const seen = new Set<string>();
  const isSecond = (key: string) => seen.size === seen.add(key).size;
  const add = (pointer: string, value: unknown, expected: string) =>
    faults.push([pointer, `${JSON.stringify(value)}, expected ${expected}`]);
  for (const [at, entry] of entriesOf(file["versions"])) {
    if (!Value.Check(Requirement, entry)) continue;
    const { product, minimum } = entry;
    const isType = !product.includes("/") && product !== "kernel";
    if (minimum === MOST_COMMON ? !isType : !parseVersion(minimum))
      add(`/versions/${at}/minimum`, minimum, `a version${isType ? ` or "${MOST_COMMON}"` : ""}`);
    if (isSecond(`version ${product.toLowerCase()}`)) add(`/versions/${at}/product`, product, "each product once");
  }
  for (const [at, entry] of entriesOf(file["advisories"])) {
    if (!Value.Check(Advisory, entry)) continue;
    const pointer = `/advisories/${at}`;
    if (isSecond(`${entry.id} ${entry.product.toLowerCase()}`))
      add(`${pointer}/id`, entry.id, `each id once for ${entry.product}`);
    for (const [index, range] of entry.affected.entries())
      faults.push(...findRangeFaults(`${pointer}/affected/${index}`, range));
  }
  return faults;
}

const entriesOf = (list: unknown): [number, unknown][] => (Array.isArray(list) ? [...list.entries()] : []);

function findRangeFaults(pointer: string, range: Advisory["affected"][number]): [string, string][] {
  const faults = Object.entries(range)
    .filter(([, text]) => !parseVersion(text))
    .map(([name, text]): [string, string] => [`${pointer}/${name}`, `${JSON.stringify(text)}, expected ${VERSION}`]);
  if (Object.keys(range).length === 0)
    faults.push([pointer, '{}, expected introduced, fixed or last_affected ("introduced": "0" is every version)']);
  const from = parseVersion(range.introduced ?? "0");
  for (const name of ["fixed", "last_affected"] as const) {
    const to = parseVersion(range[name] ?? "");
    const order = from && to ? compareVersions(from, to) : -1;
    if (order > 0 || (order === 0 && name === "fixed"))
      faults.push([
        `${pointer}/${name}`,
        `${JSON.stringify(range[name])}, expected a version above ${range.introduced ?? "0"}`,
      ]);
  }
  return faults;
}

const VERSION = "a version such as 8.6.0 or 8.6.0-rc.1";
