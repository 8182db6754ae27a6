// The labels that only Muster may say: which system an alert is of, and whose system that is.
import { createHash } from "node:crypto";

/** What is known of a system and its organisation; an empty text is nothing known. */
export interface Identity {
  systemId: string;
  organizationId: string;
  /** Whose Alertmanager it is: what X-Scope-OrgID says. */
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

/** The sender's labels with ours in place of his; what we do not know, nobody says. */
export function forceLabels(labels: Record<string, string>, identity: Identity): Record<string, string> {
  const own = Object.entries(labels).filter(([name]) => !FORCED.has(name));
  return Object.fromEntries([...own, ...Object.entries(identity.labels).filter(([, value]) => value !== "")]);
}

/** Of the labels as the sender gave them: the same alert again, whatever its annotations say by now. */
export function fingerprintOf(labels: Record<string, string>): string {
  const own = Object.entries(labels)
    .filter(([name]) => !FORCED.has(name))
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(own)).digest("hex").slice(0, 32);
}

const TENANT = /^(?!\.{1,2}$)[A-Za-z0-9!_.*'()-]{1,150}$/;

/** An organisation without a tenant is its own; one whose id no tenant can be called by goes by a name made from it. */
export function tenantOf(organizationId: string, tenant: string | null): string {
  const wanted = tenant ?? organizationId;
  return TENANT.test(wanted) ? wanted : `org-${createHash("sha256").update(wanted).digest("hex").slice(0, 32)}`;
}
