// Words why a system does not comply.
import type { ConditionFinding } from "../findings/index.ts";
import type { Installed } from "./products.ts";

/** One finding of a system, before it is known which system. */
export type Cause = Omit<ConditionFinding, "systemId">;

const MAX_LISTED = 5;

/** "8.5.0", or "5.1.0 (webtop1), 5.0.2 (webtop2)". */
export function listVersions(installed: readonly Installed[]): string {
  const shown = installed
    .slice(0, MAX_LISTED)
    .map(({ version, instance }) => `${version}${instance && ` (${instance})`}`);
  const more = installed.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
