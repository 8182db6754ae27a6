// Compiles the alert sections of the rules file into a policy that evaluates systems.
import { compareVersions, parseVersion } from "../../values/version.ts";
import type { Version } from "../../values/version.ts";
import { openAdvisories } from "./advisories.ts";
import { listVersions } from "./cause.ts";
import type { Cause } from "./cause.ts";
import type { Installed } from "./products.ts";
import { MOST_COMMON } from "./schema.ts";
import type { AlertSections, Requirement } from "./schema.ts";

export interface Policy {
  /** Differs when anything differs that decides how a system is evaluated. */
  fingerprint: string;
  /** Types of systems whose most common version is required. */
  mostCommonOf: string[];
  newSystem: { severity: string; resolveAfterDays: number } | undefined;
  /** `mostCommon`: the most common version of all systems, by type. */
  evaluate(installed: readonly Installed[], mostCommon: ReadonlyMap<string, string>): Cause[];
}

const DEFAULT_SEVERITY = "medium";
const DEFAULT_RESOLVE_AFTER_DAYS = 7;

export function openPolicy({ versions = [], advisories = [], new_system }: AlertSections): Policy {
  const requirements = versions.map(compile);
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
    evaluate: (installed, mostCommon) => [
      ...requirements.flatMap((one) => findOutdated(one, installed, mostCommon)),
      ...findAdvisories(installed),
    ],
  };
}

interface CompiledRequirement {
  product: string;
  severity: string;
  minimum: string;
  /** Undefined for the most common version, which changes. */
  version: Version | undefined;
}

const compile = ({ product, minimum, severity = DEFAULT_SEVERITY }: Requirement): CompiledRequirement => ({
  product: product.toLowerCase(),
  severity,
  minimum,
  version: minimum === MOST_COMMON ? undefined : parseVersion(minimum),
});

/** At most one cause. */
function findOutdated(
  { product, severity, minimum, version }: CompiledRequirement,
  installed: readonly Installed[],
  mostCommon: ReadonlyMap<string, string>,
): Cause[] {
  const isMostCommon = minimum === MOST_COMMON;
  const text = isMostCommon ? mostCommon.get(product) : minimum;
  const required = isMostCommon ? parseVersion(text ?? "") : version;
  if (!required) return [];
  const old = installed.filter((one) => one.product === product && isBelow(one.version, required));
  if (old.length === 0) return [];
  const asked = isMostCommon ? `the fleet's most common version ${text}` : `the required version ${text}`;
  const message = `${product} ${listVersions(old)} is behind ${asked}`;
  return [{ kind: "version", cause: product, severity, message }];
}

function isBelow(text: string, required: Version): boolean {
  const version = parseVersion(text);
  return version !== undefined && compareVersions(version, required) < 0;
}
