// Forces the labels that only Muster sets: the alert's system, and the system's organization.
import { createHash } from "node:crypto";

/** A system and its organization; an empty label is unknown. */
export interface Identity {
  systemId: string;
  organizationId: string;
  /** Alertmanager's tenant, sent as X-Scope-OrgID. */
  tenant: string;
  labels: Record<(typeof FORCED_LABELS)[number], string>;
}

export const FORCED_LABELS = [
  "system_id",
  "system_key",
  "system_name",
  "system_type",
  "system_fqdn",
  "system_ipv4",
  "organization_id",
  "organization_name",
  "organization_vat",
  "organization_type",
] as const;
const FORCED: ReadonlySet<string> = new Set(FORCED_LABELS);

/** Replaces the sender's values of forced labels; where Muster has no value, the label is dropped. */
export function forceLabels(labels: Record<string, string>, identity: Identity): Record<string, string> {
  const own = Object.entries(labels).filter(([name]) => !FORCED.has(name));
  return Object.fromEntries([...own, ...Object.entries(identity.labels).filter(([, value]) => value !== "")]);
}

/** Identifies an alert by the sender's own labels, whatever its annotations are. */
export function fingerprintOf(labels: Record<string, string>): string {
  const own = Object.entries(labels)
    .filter(([name]) => !FORCED.has(name))
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(own)).digest("hex").slice(0, 32);
}

const TENANT = /^(?!\.{1,2}$)[A-Za-z0-9!_.*'()-]{1,150}$/;

/** An organization without a tenant is its own tenant; an id that is not a valid tenant name is hashed into one. */
export function tenantOf(organizationId: string, tenant: string | null): string {
  const wanted = tenant ?? organizationId;
  return TENANT.test(wanted) ? wanted : `org-${createHash("sha256").update(wanted).digest("hex").slice(0, 32)}`;
}
