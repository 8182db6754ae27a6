// Stores which systems are silent and which sites, and with which labels their alerts fired.
import type { Queryable } from "../../ports/database.ts";

type Labels = Record<string, string>;

/** A system is silent while it is inactive although neither it nor its organization is suspended. */
const SILENT = `s.status = 'inactive' and s.registered_at is not null and s.suspended_at is null and o.suspended_at is null`;
const SYSTEMS = `systems s left join organizations o on o.id = s.organization_id`;

/** Adds systems that fell silent. After a suspension a system has a whole timeout to be heard. */
export async function insertSilent(db: Queryable, now: Date, timeoutMs: number): Promise<void> {
  await db.query(
    `insert into link_failures (system_id, organization_id, state, starts_at)
     select s.id, s.organization_id, 'new', least($1, h.last_heartbeat + $2 * interval '1 millisecond')
     from ${SYSTEMS} join system_heartbeats h on h.system_id = s.id
     where ${SILENT} and not exists (select from link_failures l where l.system_id = s.id)
       and coalesce(o.resumed_at, '-infinity') <= $1::timestamptz - $2 * interval '1 millisecond'
       and not exists (
         select from system_suspensions p
         where p.system_id = s.id and p.resumed_at > $1::timestamptz - $2 * interval '1 millisecond'
       )
     on conflict (system_id) do nothing`,
    [now, timeoutMs],
  );
}

export interface EndedFailure {
  system_id: string;
  organization_id: string;
  tenant: string | null;
  state: "new" | "single" | "covered";
  labels: Labels | null;
  starts_at: Date;
}

/** Deletes systems that are not silent any more, all or of the named ones. */
export async function deleteRecovered(db: Queryable, systemIds: readonly string[] | null): Promise<EndedFailure[]> {
  return db.query(
    `delete from link_failures l where ($1::uuid[] is null or l.system_id = any($1))
       and not exists (select from ${SYSTEMS} where s.id = l.system_id and ${SILENT})
     returning system_id, organization_id, tenant, state, labels, starts_at`,
    [systemIds],
  );
}

export interface OrganizationSilence {
  organization_id: string;
  /** Fell silent within the window, and are not covered. */
  recent: number;
  covered: number;
  fresh: number;
  /** Systems that could be heard, silent or not. */
  eligible: number;
  /** The most systems that the site's alert has covered; null while none fires. */
  peak: number | null;
}

/** Of organizations with silent systems or a firing site, of the named ones or of all. */
export async function measureSilence(
  db: Queryable,
  windowStart: Date,
  organizationIds: readonly string[] | null,
): Promise<OrganizationSilence[]> {
  return db.query(
    `with silent as (
       select organization_id,
         count(*) filter (where state <> 'covered' and starts_at > $1)::integer as recent,
         count(*) filter (where state = 'covered')::integer as covered,
         count(*) filter (where state = 'new')::integer as fresh
       from link_failures where $2::text[] is null or organization_id = any($2) group by organization_id
     )
     select organization_id, coalesce(recent, 0) as recent, coalesce(covered, 0) as covered, coalesce(fresh, 0) as fresh,
       peak, (
         select count(*)::integer from systems s join system_heartbeats h on h.system_id = s.id
         where s.organization_id = every.organization_id and s.registered_at is not null and s.suspended_at is null
       ) as eligible
     from (
       select organization_id from silent
       union select organization_id from site_failures where $2::text[] is null or organization_id = any($2)
     ) every left join silent using (organization_id) left join site_failures using (organization_id)
     order by organization_id`,
    [windowStart, organizationIds],
  );
}

export interface SiteFailure {
  organization_id: string;
  tenant: string;
  labels: Labels;
  starts_at: Date;
}

export async function insertSite(db: Queryable, site: SiteFailure, covered: number): Promise<void> {
  await db.query(
    `insert into site_failures (organization_id, tenant, labels, starts_at, peak) values ($1, $2, $3, $4, $5)
     on conflict (organization_id) do nothing`,
    [site.organization_id, site.tenant, JSON.stringify(site.labels), site.starts_at, covered],
  );
}

export async function deleteSite(db: Queryable, organizationId: string): Promise<SiteFailure | undefined> {
  const [row] = await db.query<SiteFailure>(
    `delete from site_failures where organization_id = $1 returning organization_id, tenant, labels, starts_at`,
    [organizationId],
  );
  return row;
}

export async function listSites(db: Queryable): Promise<(SiteFailure & { covered: number })[]> {
  return db.query(
    `select f.organization_id, f.tenant, f.labels, f.starts_at, (
       select count(*)::integer from link_failures l
       where l.organization_id = f.organization_id and l.state = 'covered'
     ) as covered from site_failures f order by f.organization_id`,
  );
}

/** Puts an organization's silent systems under its site's alert; returns those that fired by themselves. */
export async function coverFailures(db: Queryable, organizationId: string, since: Date): Promise<EndedFailure[]> {
  return db.query(
    `with old as (
       select system_id, state from link_failures
       where organization_id = $1 and (state = 'new' or (state = 'single' and starts_at > $2)) order by system_id for update
     ), covered as (
       update link_failures l set state = 'covered' from old where l.system_id = old.system_id
       returning l.system_id, l.organization_id, l.tenant, old.state, l.labels, l.starts_at
     ), peak as (
       update site_failures set peak = greatest(peak, (select count(*)::integer from covered) + (
         select count(*)::integer from link_failures where organization_id = $1 and state = 'covered'))
       where organization_id = $1
     )
     select * from covered where state = 'single'`,
    [organizationId, since],
  );
}

export async function uncoverFailures(db: Queryable, organizationId: string): Promise<void> {
  await db.query(`update link_failures set state = 'new' where organization_id = $1 and state = 'covered'`, [
    organizationId,
  ]);
}

/** Silent systems of organizations without a site's alert that have not fired yet. */
export async function listNew(db: Queryable, limit: number): Promise<string[]> {
  const rows = await db.query<{ system_id: string }>(
    `select l.system_id from link_failures l where l.state = 'new' order by l.system_id limit $1`,
    [limit],
  );
  return rows.map((row) => row.system_id);
}

interface RaisedFailure {
  systemId: string;
  tenant: string;
  labels: Labels;
}

/** Labels that were sent once stay, even when the system is renamed: Alertmanager knows the alert by them. */
export async function raiseFailures(db: Queryable, raised: readonly RaisedFailure[]): Promise<void> {
  await db.query(
    `update link_failures l set state = 'single', tenant = coalesce(l.tenant, r.tenant), labels = coalesce(l.labels, r.labels)
     from jsonb_to_recordset($1::jsonb) r("systemId" uuid, tenant text, labels jsonb) where l.system_id = r."systemId"`,
    [JSON.stringify(raised)],
  );
}

export interface SingleFailure {
  system_id: string;
  tenant: string;
  labels: Labels;
  starts_at: Date;
}

/** Systems that fire by themselves, by id. */
export async function listSingles(db: Queryable, after: string, limit: number): Promise<SingleFailure[]> {
  return db.query(
    `select system_id, tenant, labels, starts_at from link_failures
     where state = 'single' and system_id > $1 order by system_id limit $2`,
    [after, limit],
  );
}
