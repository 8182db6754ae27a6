// Writes LinkFailed of one system and SiteUnreachable of a whole site, as they fire and as they end.
import { counted } from "../../values/count.ts";
import { ownLabels } from "../../values/own-alerts.ts";
import type { OwnAlertName } from "../../values/own-alerts.ts";
import type { OwnAlert } from "../alerts/index.ts";
import type { SingleFailure, SiteFailure } from "./store.ts";

type Labels = OwnAlert["alert"]["labels"];

/** Labels that are not known are left out. */
export const labelsOf = (alertname: OwnAlertName, known: Readonly<Labels>): Labels => ({
  ...ownLabels(alertname),
  ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== "")),
});

/** Alertmanager refuses an end before the start. */
export const resolvedAt = (now: Date, startsAt: Date) => new Date(Math.max(now.getTime(), startsAt.getTime()));

/** `timeoutMs`: a system without a heartbeat for this long is silent. */
export function linkFailed(failure: SingleFailure, timeoutMs: number, endsAt: Date): OwnAlert {
  const { system_id, tenant, labels, starts_at } = failure;
  const minutes = timeoutMs / 60_000;
  const name = labels["system_name"] ?? labels["system_key"] ?? system_id;
  const heard = new Date(starts_at.getTime() - timeoutMs).toISOString();
  const annotations = {
    summary_en: `${name} cannot be reached`,
    summary_it: `${name} non è raggiungibile`,
    description_en: `${name} has not been heard since ${heard}; it may be silent for ${counted(minutes, "minute")}.`,
    description_it: `${name} non si fa sentire dal ${heard}; può tacere per ${counted(minutes, "minuto", "minuti")}.`,
  };
  return {
    subject: system_id,
    fingerprint: "LinkFailed",
    systemId: system_id,
    tenant,
    alert: { labels, annotations, startsAt: starts_at.toISOString(), endsAt: endsAt.toISOString() },
  };
}

/** `covered`: silent systems that this alert stands for. */
export function siteUnreachable(site: SiteFailure, covered: number, endsAt: Date): OwnAlert {
  const { organization_id: id, tenant, labels, starts_at } = site;
  const name = labels["organization_name"] ?? id;
  const annotations = {
    summary_en: `${counted(covered, "system")} of ${name} cannot be reached`,
    summary_it: `${counted(covered, "sistema", "sistemi")} di ${name} ${covered === 1 ? "non è raggiungibile" : "non sono raggiungibili"}`,
    description_en: `${counted(covered, "system")} of ${name} fell silent together, reported as one.`,
    description_it:
      covered === 1
        ? `1 sistema di ${name} è diventato muto, segnalato con gli altri.`
        : `${covered} sistemi di ${name} sono diventati muti insieme; non sono segnalati uno per uno.`,
  };
  return {
    subject: `organization:${id}`,
    fingerprint: "SiteUnreachable",
    systemId: null,
    tenant,
    alert: { labels, annotations, startsAt: starts_at.toISOString(), endsAt: endsAt.toISOString() },
  };
}
