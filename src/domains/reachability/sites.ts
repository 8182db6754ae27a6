// Fires and resolves the one alert that stands for a site whose systems fell silent together.
import type { Queryable } from "../../ports/database.ts";
import { labelsOf, resolvedAt, siteUnreachable } from "./alerts.ts";
import { resolveSingles } from "./singles.ts";
import type { Run } from "./singles.ts";
import { coverFailures, deleteSite, insertSite, measureSilence, uncoverFailures } from "./store.ts";
import type { OrganizationSilence } from "./store.ts";

/** Of the named organizations, or of all. */
export async function evaluateSites(run: Run, organizationIds: readonly string[] | null): Promise<void> {
  const { database, clock, timeoutMs, intervalMs } = run;
  // Systems send heartbeats at different moments, so those behind a dead link fall silent over a whole timeout.
  const windowStart = new Date(clock.now().getTime() - timeoutMs - intervalMs);
  for (const silence of await measureSilence(database, windowStart, organizationIds))
    await database.transaction(async (tx) => {
      const id = silence.organization_id;
      const isFiring = silence.peak !== null;
      if (isFiring && !isStillSite(run, silence)) return resolveSite(run, tx, id);
      if (!isFiring && !isSite(run, silence.recent, silence.eligible)) return;
      if (!isFiring) await fireSite(run, tx, id, silence.recent);
      await resolveSingles(run, tx, await coverFailures(tx, id, windowStart));
    });
}

const isSite = ({ sitePercent, siteMinimum }: Run, silent: number, eligible: number) =>
  silent >= siteMinimum && silent * 100 > sitePercent * eligible;

/** The site is reachable once half of its systems are heard again; those still silent fire by themselves. */
function isStillSite(run: Run, { covered, fresh, eligible, peak }: OrganizationSilence): boolean {
  const silent = covered + fresh;
  return isSite(run, silent, eligible) && silent * 2 > (peak ?? 0);
}

async function fireSite({ alerts, clock }: Run, tx: Queryable, id: string, covered: number): Promise<void> {
  const { tenant, labels } = await alerts.identifyOrganization(tx, id);
  const site = { organization_id: id, tenant, labels: labelsOf("SiteUnreachable", labels), starts_at: clock.now() };
  await insertSite(tx, site, covered);
}

async function resolveSite({ alerts, clock, tenants }: Run, tx: Queryable, id: string): Promise<void> {
  const site = await deleteSite(tx, id);
  await uncoverFailures(tx, id);
  if (!site) return;
  tenants.add(site.tenant);
  await alerts.put(tx, [siteUnreachable(site, 0, resolvedAt(clock.now(), site.starts_at))]);
}
