// Finds the advisories that affect what a system has installed; ranges are those of OSV.
import { compareVersions, parseVersion } from "../../values/version.ts";
import type { Version } from "../../values/version.ts";
import { listVersions } from "./cause.ts";
import type { Cause } from "./cause.ts";
import type { Installed } from "./products.ts";
import type { Advisory } from "./schema.ts";

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
  /** Versions with the fix, as text; undefined where the advisory names none. */
  fixedText: string | undefined;
  ranges: Range[];
}

/** Pairs of product and version whose advisories are cached: the systems of an installation have few different ones. */
const MAX_CACHED = 10_000;

export function openAdvisories(advisories: readonly Advisory[]): (installed: readonly Installed[]) => Cause[] {
  const byProduct = Map.groupBy(advisories.map(compile), (one) => one.product);
  const cache = new Map<string, CompiledAdvisory[]>();

  const matchesOf = (product: string, text: string): CompiledAdvisory[] => {
    const key = `${product}\0${text}`;
    const cached = cache.get(key);
    if (cached) return cached;
    const version = parseVersion(text);
    const found = version
      ? (byProduct.get(product) ?? []).filter((one) => one.ranges.some((range) => isWithin(version, range)))
      : [];
    if (cache.size >= MAX_CACHED) cache.clear();
    cache.set(key, found);
    return found;
  };

  return (installed) => {
    const affected = new Map<CompiledAdvisory, Installed[]>();
    for (const one of installed)
      for (const advisory of matchesOf(one.product, one.version)) {
        const instances = affected.get(advisory);
        if (instances) instances.push(one);
        else affected.set(advisory, [one]);
      }
    return [...affected].map(([advisory, instances]) => causeOf(advisory, instances));
  };
}

function causeOf({ id, product, severity, summary, fixedText }: CompiledAdvisory, instances: Installed[]): Cause {
  const message = [
    `${id}: ${product} ${listVersions(instances)} is affected`,
    ...(fixedText === undefined ? [] : [`fixed in ${fixedText}`]),
    ...(summary === "" ? [] : [summary]),
  ].join("; ");
  return { kind: "advisory", cause: `${id} ${product}`, severity, message };
}

function compile({ id, product, severity, summary = "", affected }: Advisory): CompiledAdvisory {
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
