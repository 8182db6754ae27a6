// What the rules file asks of the fleet, ready to judge a system by: required versions, advisories, new systems.
import { Value } from "@sinclair/typebox/value";
import type { ConditionFinding } from "../findings/index.ts";
import type { Installed } from "./products.ts";
import { Advisory, Requirement } from "./schema.ts";
import type { AlertSections } from "./schema.ts";
import { compareVersions, parseVersion } from "../../values/version.ts";
import type { Version } from "../../values/version.ts";

/** Why a system does not comply. */
export type Cause = Omit<ConditionFinding, "systemId">;

export interface Policy {
  /** Of everything that decides how a system is judged. */
  fingerprint: string;
  /** Types of systems whose most common version is asked for. */
  mostCommonOf: string[];
  newSystem: { severity: string; resolveAfterDays: number } | undefined;
  /** `mostCommon`: the fleet's most common version by type. */
  judge(installed: readonly Installed[], mostCommon: ReadonlyMap<string, string>): Cause[];
}

export const MOST_COMMON = "most_common";
const DEFAULT_SEVERITY = "medium";
const DEFAULT_RESOLVE_AFTER_DAYS = 7;

export function openPolicy({ versions = [], advisories = [], new_system }: AlertSections): Policy {
  const requirements = versions.map((one) => ({
    ...one,
    product: one.product.toLowerCase(),
    minimumVersion: parseVersion(one.minimum),
  }));
  const findAdvisories = openAdvisories(advisories);
  return {
    fingerprint: new Bun.CryptoHasher("sha256").update(JSON.stringify([versions, advisories])).digest("hex"),
    mostCommonOf: requirements.filter((one) => one.minimum === MOST_COMMON).map((one) => one.product),
    newSystem: new_system?.enabled
      ? {
          severity: new_system.severity ?? DEFAULT_SEVERITY,
          resolveAfterDays: new_system.resolve_after_days ?? DEFAULT_RESOLVE_AFTER_DAYS,
        }
      : undefined,
    judge(installed, mostCommon) {
      const behind = requirements.flatMap(({ product, minimum, minimumVersion, severity = DEFAULT_SEVERITY }) => {
        const text = minimum === MOST_COMMON ? mostCommon.get(product) : minimum;
        const required = minimum === MOST_COMMON ? parseVersion(text ?? "") : minimumVersion;
        const old = installed.filter((one) => one.product === product && required && isBelow(one.version, required));
        if (old.length === 0) return [];
        const asked =
          minimum === MOST_COMMON ? `the fleet's most common version ${text}` : `the required version ${text}`;
        return [cause("version", product, severity, `${product} ${listVersions(old)} is behind ${asked}`)];
      });
      return [...behind, ...findAdvisories(installed)];
    },
  };
}

const cause = (kind: Cause["kind"], name: string, severity: string, message: string): Cause => ({
  kind,
  cause: name,
  severity,
  message,
});

function isBelow(text: string, required: Version): boolean {
  const version = parseVersion(text);
  return version !== undefined && compareVersions(version, required) < 0;
}

interface Range {
  introduced: Version | undefined;
  fixed: Version | undefined;
  lastAffected: Version | undefined;
}

interface CompiledAdvisory {
  id: string;
  product: string;
  severity: string;
  summary: string;
  fixedText: string | undefined;
  ranges: Range[];
}

/** (product, version) pairs whose advisories are remembered: fleets repeat theirs. */
const MAX_REMEMBERED = 10_000;

function openAdvisories(advisories: NonNullable<AlertSections["advisories"]>) {
  const byProduct = Map.groupBy(advisories.map(compile), (one) => one.product);
  const remembered = new Map<string, CompiledAdvisory[]>();

  const matchesOf = (product: string, text: string): CompiledAdvisory[] => {
    const key = `${product}\0${text}`;
    const known = remembered.get(key);
    if (known) return known;
    const version = parseVersion(text);
    const found = version
      ? (byProduct.get(product) ?? []).filter((one) => one.ranges.some((range) => isWithin(version, range)))
      : [];
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(key, found);
    return found;
  };

  return (installed: readonly Installed[]): Cause[] => {
    const hit = new Map<CompiledAdvisory, Installed[]>();
    for (const one of installed)
      for (const advisory of matchesOf(one.product, one.version)) {
        const instances = hit.get(advisory);
        if (instances) instances.push(one);
        else hit.set(advisory, [one]);
      }
    return [...hit].map(([{ id, product, severity, summary, fixedText }, instances]) =>
      cause(
        "advisory",
        `${id} ${product}`,
        severity,
        [
          `${id}: ${product} ${listVersions(instances)} is affected`,
          ...(fixedText === undefined ? [] : [`fixed in ${fixedText}`]),
          ...(summary === "" ? [] : [summary]),
        ].join("; "),
      ),
    );
  };
}

function compile({ id, product, severity, summary = "", affected }: NonNullable<AlertSections["advisories"]>[number]) {
  const fixes = affected.flatMap(({ fixed }) => (fixed === undefined ? [] : [fixed]));
  return {
    id,
    product: product.toLowerCase(),
    severity,
    summary,
    fixedText: fixes.length > 0 ? fixes.join(", ") : undefined,
    ranges: affected.map((range) => ({
      // As in OSV: "0" is before every version.
      introduced:
        range.introduced === undefined || range.introduced === "0" ? undefined : parseVersion(range.introduced),
      fixed: range.fixed === undefined ? undefined : parseVersion(range.fixed),
      lastAffected: range.last_affected === undefined ? undefined : parseVersion(range.last_affected),
    })),
  };
}

const isWithin = (version: Version, { introduced, fixed, lastAffected }: Range) =>
  (!introduced || compareVersions(version, introduced) >= 0) &&
  (!fixed || compareVersions(version, fixed) < 0) &&
  (!lastAffected || compareVersions(version, lastAffected) <= 0);

const MAX_LISTED = 5;

/** "8.5.0", or "5.1.0 (webtop1), 5.0.2 (webtop2)". */
function listVersions(installed: readonly Installed[]): string {
  const shown = installed
    .slice(0, MAX_LISTED)
    .map(({ version, instance }) => `${version}${instance && ` (${instance})`}`);
  const more = installed.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** What a schema cannot say, as [place, fault]: versions that are none, empty ranges, the same thing asked twice. */
export function findSectionFaults(file: Record<string, unknown>): [place: string, fault: string][] {
  const faults: [string, string][] = [];
  const seen = new Set<string>();
  const isSecond = (key: string) => seen.size === seen.add(key).size;
  const add = (place: string, value: unknown, expected: string) =>
    faults.push([place, `${JSON.stringify(value)}, expected ${expected}`]);
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
    const place = `/advisories/${at}`;
    if (isSecond(`${entry.id} ${entry.product.toLowerCase()}`))
      add(`${place}/id`, entry.id, `each id once for ${entry.product}`);
    for (const [index, range] of entry.affected.entries())
      faults.push(...findRangeFaults(`${place}/affected/${index}`, range));
  }
  return faults;
}

const entriesOf = (list: unknown): [number, unknown][] => (Array.isArray(list) ? [...list.entries()] : []);

function findRangeFaults(place: string, range: Advisory["affected"][number]): [string, string][] {
  const faults = Object.entries(range)
    .filter(([, text]) => !parseVersion(text))
    .map(([name, text]): [string, string] => [`${place}/${name}`, `${JSON.stringify(text)}, expected ${VERSION}`]);
  if (Object.keys(range).length === 0)
    faults.push([place, '{}, expected introduced, fixed or last_affected ("introduced": "0" is every version)']);
  const from = parseVersion(range.introduced ?? "0");
  for (const name of ["fixed", "last_affected"] as const) {
    const to = parseVersion(range[name] ?? "");
    const order = from && to ? compareVersions(from, to) : -1;
    if (order > 0 || (order === 0 && name === "fixed"))
      faults.push([
        `${place}/${name}`,
        `${JSON.stringify(range[name])}, expected a version above ${range.introduced ?? "0"}`,
      ]);
  }
  return faults;
}

const VERSION = "a version such as 8.6.0 or 8.6.0-rc.1";
