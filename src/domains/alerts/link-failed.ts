// A dead link rings: LinkFailed for a silent system, SiteUnreachable for a whole site, and the end of both as soon as heard.
import type { Clock } from "../../ports/clock.ts";
import type { Database, Queryable } from "../../ports/database.ts";
import type { Job, Push } from "../../ports/queue.ts";
import { counted } from "../../values/count.ts";
import { deliveryPush } from "./outbox/deliver.ts";
import { findIdentities } from "./identities.ts";
import { tenantOf } from "./labels.ts";
import * as store from "./link-store.ts";
import type { EndedFailure, OrganizationSilence, SiteFailure } from "./link-store.ts";
import { keepStates } from "./outbox/store.ts";
import type { AlertState } from "./outbox/store.ts";
import type { PostedAlert } from "./receive/payload.ts";
import type { Positions } from "./outbox/positions.ts";
import { LINK_QUEUE } from "./schema.ts";

export interface LinkFailedDeps {
  database: Database;
  clock: Clock;
  positions: Positions;
  /** Without a heartbeat for so long a system is inactive. */
  timeoutMs: number;
  intervalMs: number;
  /** More than this share of an organisation's systems… */
  sitePercent: number;
  /** …and at least so many make a site. */
  siteMinimum: number;
}

const LANE = "link-failures";
/** Systems looked at by one statement. */
const PAGE = 1_000;
const NO_UUID = "00000000-0000-0000-0000-000000000000";

/** Ticks never pile up behind each other. */
export const tickPush = (): Push => ({ queue: LINK_QUEUE, lane: LANE, key: "tick", payload: "{}" });
export const recoveryPush = (recovered: readonly string[]): Push => ({
  queue: LINK_QUEUE,
  lane: LANE,
  payload: JSON.stringify({ recovered }),
});

/** Ticks come every minute; those that fall on the interval count. */
export function isTurn(tick: string, intervalMs: number): boolean {
  const minute = Math.floor(Date.parse(tick) / 60_000);
  return minute % Math.max(1, Math.round(intervalMs / 60_000)) === 0;
}

/** Safe to repeat: every step looks at what is, and says it again. */
export async function watchLinks(deps: LinkFailedDeps, job: Job): Promise<Push[]> {
  const { recovered } = JSON.parse(job.payload) as { recovered?: string[] };
  const tenants = new Set<string>();
  const organizations = await resolveHeard(deps, recovered ?? null, tenants);
  if (recovered === undefined) {
    await store.noteSilent(deps.database, deps.clock.now(), deps.timeoutMs);
    await judgeSites(deps, null, tenants);
  } else if (organizations.length > 0) await judgeSites(deps, organizations, tenants);
  else return [...tenants].map((tenant) => deliveryPush(tenant));
  await raiseNew(deps);
  if (recovered === undefined) await refresh(deps, tenants);
  return [...tenants].map((tenant) => deliveryPush(tenant));
}

/** Resolves the alerts of who is heard again; returns organisations where a site's alert covered one of them. */
async function resolveHeard(
  deps: LinkFailedDeps,
  recovered: readonly string[] | null,
  tenants: Set<string>,
): Promise<string[]> {
  const ended = await deps.database.transaction(async (tx) => {
    const rows = await store.forgetHeard(tx, recovered);
    await resolveSingles(deps, tx, rows, tenants);
    return rows;
  });
  return [...new Set(ended.filter((one) => one.state === "covered").map((one) => one.organization_id))];
}

async function resolveSingles(
  deps: LinkFailedDeps,
  tx: Queryable,
  rows: readonly EndedFailure[],
  tenants: Set<string>,
): Promise<void> {
  const now = deps.clock.now();
  // One transaction, several statements: by key from the first to the last, as whoever delivers locks them.
  const states = [...rows]
    .sort(bySystem)
    .flatMap(({ system_id, tenant, labels, starts_at }) =>
      tenant === null || labels === null
        ? []
        : [stateOf(deps, { system_id, tenant, labels, starts_at }, endedAt(now, starts_at))],
    );
  for (const { tenant } of states) tenants.add(tenant);
  for (let at = 0; at < states.length; at += PAGE) await keepStates(tx, states.slice(at, at + PAGE), now);
}

/** Begins, keeps or ends the one alert that stands for a site. */
async function judgeSites(
  deps: LinkFailedDeps,
  organizationIds: readonly string[] | null,
  tenants: Set<string>,
): Promise<void> {
  const { database, clock } = deps;
  // A link that went down is noticed over a whole timeout, since its systems beat in turn.
  const windowStart = new Date(clock.now().getTime() - deps.timeoutMs - deps.intervalMs);
  for (const silence of await store.measureSilence(database, windowStart, organizationIds)) {
    await database.transaction(async (tx) => {
      const id = silence.organization_id;
      if (silence.peak === null) {
        if (!isSite(deps, silence.recent, silence.eligible)) return;
        await store.insertSite(tx, await siteOf(deps, tx, id), silence.recent);
        await resolveSingles(deps, tx, await store.coverFailures(tx, id, windowStart), tenants);
      } else if (isStillSite(deps, silence)) {
        await resolveSingles(deps, tx, await store.coverFailures(tx, id, windowStart), tenants);
      } else await endSite(deps, tx, id, tenants);
    });
  }
}

const isSite = ({ sitePercent, siteMinimum }: LinkFailedDeps, silent: number, eligible: number) =>
  silent >= siteMinimum && silent * 100 > sitePercent * eligible;

/** Once half of it is heard again, the site is reachable: who is still silent, is so by itself. */
function isStillSite(deps: LinkFailedDeps, { covered, fresh, eligible, peak }: OrganizationSilence): boolean {
  const silent = covered + fresh;
  return isSite(deps, silent, eligible) && silent * 2 > (peak ?? 0);
}

async function endSite(deps: LinkFailedDeps, tx: Queryable, id: string, tenants: Set<string>): Promise<void> {
  const site = await store.deleteSite(tx, id);
  await store.uncoverFailures(tx, id);
  if (!site) return;
  const now = deps.clock.now();
  tenants.add(site.tenant);
  await keepStates(tx, [siteState(deps, site, 0, endedAt(now, site.starts_at))], now);
}

/** A site's own silent systems are covered by now; who is left rings by himself. */
async function raiseNew({ database }: LinkFailedDeps): Promise<void> {
  for (;;) {
    const ids = await store.listNew(database, PAGE);
    if (ids.length === 0) return;
    const identities = await findIdentities(database, ids);
    const raised = ids.flatMap((systemId) => {
      const identity = identities.get(systemId);
      if (!identity) return [];
      const known = Object.entries(identity.labels).filter(([, value]) => value !== "");
      return [
        { systemId, tenant: identity.tenant, labels: { ...alertLabels("LinkFailed"), ...Object.fromEntries(known) } },
      ];
    });
    await store.raiseFailures(database, raised);
    // Erased between the two statements: its row is gone with it.
    if (raised.length === 0) return;
  }
}

/** Said again at each tick, for two intervals: an alert that nobody repeats ends by itself. */
async function refresh(deps: LinkFailedDeps, tenants: Set<string>): Promise<void> {
  const { database, clock, intervalMs } = deps;
  const endsAt = new Date(clock.now().getTime() + 2 * intervalMs);
  const sites = await store.listSites(database);
  const states = sites.map((site) => siteState(deps, site, site.covered, endsAt));
  await keepStates(database, states, clock.now());
  for (const { tenant } of sites) tenants.add(tenant);
  for (let after = NO_UUID; ;) {
    const rows = await store.listSingles(database, after, PAGE);
    const last = rows.at(-1);
    if (!last) return;
    await keepStates(
      database,
      rows.map((row) => stateOf(deps, row, endsAt)),
      clock.now(),
    );
    for (const { tenant } of rows) tenants.add(tenant);
    after = last.system_id;
  }
}

/** Names on the wire: rules and dashboards of the replaced service know them. */
const alertLabels = (alertname: string) => ({ alertname, severity: "critical", managed_by: "my-collect" });

const bySystem = (left: EndedFailure, right: EndedFailure) => (left.system_id < right.system_id ? -1 : 1);

/** Alertmanager wants an end that is not before the beginning. */
const endedAt = (now: Date, startsAt: Date) => new Date(Math.max(now.getTime(), startsAt.getTime()));

function stateOf(deps: LinkFailedDeps, failure: store.SingleFailure, endsAt: Date): AlertState {
  const { system_id, tenant, labels, starts_at } = failure;
  const minutes = deps.timeoutMs / 60_000;
  const name = labels["system_name"] ?? labels["system_key"] ?? system_id;
  const heard = new Date(starts_at.getTime() - deps.timeoutMs).toISOString();
  const alert: PostedAlert = {
    labels,
    annotations: {
      summary_en: `${name} cannot be reached`,
      summary_it: `${name} non è raggiungibile`,
      description_en: `${name} has not been heard since ${heard}; it may be silent for ${counted(minutes, "minute")}.`,
      description_it: `${name} non si fa sentire dal ${heard}; può tacere per ${counted(minutes, "minuto", "minuti")}.`,
    },
    startsAt: starts_at.toISOString(),
    endsAt: endsAt.toISOString(),
  };
  const position = deps.positions.take(1);
  return { subject: system_id, fingerprint: "LinkFailed", systemId: system_id, tenant, position, alert };
}

function siteState(deps: LinkFailedDeps, site: SiteFailure, covered: number, endsAt: Date): AlertState {
  const { organization_id: id, tenant, labels, starts_at } = site;
  const name = labels["organization_name"] ?? id;
  const alert: PostedAlert = {
    labels,
    annotations: {
      summary_en: `${counted(covered, "system")} of ${name} cannot be reached`,
      summary_it: `${counted(covered, "sistema", "sistemi")} di ${name} ${covered === 1 ? "non è raggiungibile" : "non sono raggiungibili"}`,
      description_en: `${counted(covered, "system")} of ${name} fell silent together, reported as one.`,
      description_it:
        covered === 1
          ? `1 sistema di ${name} è diventato muto, segnalato con gli altri.`
          : `${covered} sistemi di ${name} sono diventati muti insieme; non sono segnalati uno per uno.`,
    },
    startsAt: starts_at.toISOString(),
    endsAt: endsAt.toISOString(),
  };
  const position = deps.positions.take(1);
  return { subject: `organization:${id}`, fingerprint: "SiteUnreachable", systemId: null, tenant, position, alert };
}

async function siteOf({ clock }: LinkFailedDeps, tx: Queryable, id: string): Promise<SiteFailure> {
  const known = await store.findOrganizationLabels(tx, id);
  const given = {
    organization_id: id,
    organization_name: known?.name ?? "",
    organization_vat: known?.vat ?? "",
    organization_type: known?.type === "owner" ? "" : (known?.type ?? ""),
  };
  const labels = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ""));
  return {
    organization_id: id,
    tenant: tenantOf(id, known?.tenant ?? null),
    labels: { ...alertLabels("SiteUnreachable"), ...labels },
    starts_at: clock.now(),
  };
}
