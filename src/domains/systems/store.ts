// Stores systems: their rows, lists, suspensions and facts.
import type { Queryable } from "../../ports/database.ts";
import type { ListQuery, System } from "./schema.ts";

const SHOWN = `
  s.id as system_id, s.system_key, s.name, s.type, s.fqdn, s.version,
  host(s.ipv4_address) as ipv4_address, host(s.ipv6_address) as ipv6_address, s.status,
  h.last_heartbeat, s.last_inventory_at, s.created_at, s.registered_at, s.suspended_at, s.organization_id`;
const FROM = `from systems s left join system_heartbeats h on h.system_id = s.id`;

interface InsertSystem {
  id: string;
  name: string;
  organizationId: string;
  systemKey: string;
  secretPublic: string;
  secretSha256: string;
  isRegistered: boolean;
  now: Date;
}

export async function insertSystem(db: Queryable, row: InsertSystem): Promise<void> {
  await db.query(
    `with system as (
       insert into systems (id, name, organization_id, system_key, created_at, registered_at)
       values ($1, $2, $3, $4, $7, case when $8 then $7::timestamptz end) returning id
     )
     insert into system_secrets (secret_public, system_id, secret_sha256, created_at) select $5, id, $6, $7 from system`,
    [
      row.id,
      row.name,
      row.organizationId,
      row.systemKey,
      row.secretPublic,
      row.secretSha256,
      row.now,
      row.isRegistered,
    ],
  );
}

const LISTED = `
  ($1::text is null or s.name ilike $1 or s.system_key ilike $1 or s.fqdn ilike $1 or s.version ilike $1 or host(s.ipv4_address) like $1)
  and ($2::text is null or (case when s.suspended_at is not null then 'suspended' else s.status end) = $2)
  and ($3::text is null or s.organization_id = $3)`;
type Filter = Pick<ListQuery, "search" | "status" | "organization">;

const filterValues = ({ search, status, organization }: Filter) => [
  search === undefined ? null : `%${search.replace(/[\\%_]/g, "\\$&")}%`,
  status ?? null,
  organization ?? null,
];

/** By name, numbers in it as numbers; `after` is the sort name and id of the last row shown. */
export async function listSystems(
  db: Queryable,
  query: Omit<ListQuery, "cursor">,
  after: readonly [name: string, id: string] | undefined,
): Promise<(System & { sort_name: string })[]> {
  return db.query(
    `select ${SHOWN}, natural_order(s.name) as sort_name ${FROM}
     where ${LISTED} and ($4::text is null or (natural_order(s.name), s.id) > ($4, $5::uuid))
     order by natural_order(s.name), s.id limit $6`,
    [...filterValues(query), after?.[0] ?? null, after?.[1] ?? null, query.limit],
  );
}

export async function countListed(db: Queryable, filter: Filter): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `select count(*)::integer as count from systems s where ${LISTED}`,
    filterValues(filter),
  );
  return row?.count ?? 0;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** By key or by id, whichever it is. */
export async function findSystem(db: Queryable, keyOrId: string): Promise<System | undefined> {
  const id = UUID.test(keyOrId) ? keyOrId : null;
  const [row] = await db.query<System>(`select ${SHOWN} ${FROM} where s.system_key = $1 or s.id = $2`, [keyOrId, id]);
  return row;
}

/** A system with its organization, as its own appliance is told of them. */
export interface SystemInfo extends System {
  organization_name: string;
  organization_type: string;
  organization_suspended_at: Date | null;
}

/** By primary keys alone: the appliance's own page, which must answer in a few milliseconds. */
export async function findSystemInfo(db: Queryable, id: string): Promise<SystemInfo | undefined> {
  const [row] = await db.query<SystemInfo>(
    `select ${SHOWN}, coalesce(o.name, 'Owner') as organization_name, coalesce(o.type, 'owner') as organization_type,
       o.suspended_at as organization_suspended_at
     ${FROM} left join organizations o on o.id = s.organization_id where s.id = $1`,
    [id],
    { name: "find-system-info" },
  );
  return row;
}

/** Undefined when another caller registered it first. */
export async function registerSystem(db: Queryable, systemId: string, now: Date): Promise<Date | undefined> {
  const [row] = await db.query<{ registered_at: Date }>(
    `update systems set registered_at = $2 where id = $1 and registered_at is null and suspended_at is null returning registered_at`,
    [systemId, now],
  );
  return row?.registered_at;
}

/** Forgets the registration and every secret: the pair that asked for it never opens anything again. */
export async function unregisterSystem(db: Queryable, systemId: string): Promise<void> {
  await db.query(
    `with gone as (delete from system_secrets where system_id = $1)
     update systems set registered_at = null, status = 'unknown' where id = $1`,
    [systemId],
  );
}

/** True when the state changed. The time it was suspended is kept: it says nothing about the system's health. */
export async function setSuspended(
  db: Queryable,
  systemId: string,
  suspendedAt: Date | null,
  now: Date,
): Promise<boolean> {
  const rows = await db.query(
    `with changed as (
       update systems set suspended_at = $2 where id = $1 and (suspended_at is null) <> ($2::timestamptz is null) returning id
     ), begun as (
       insert into system_suspensions (system_id, suspended_at) select id, $2 from changed where $2::timestamptz is not null
       on conflict (system_id, suspended_at) do update set resumed_at = null
     ), ended as (
       update system_suspensions p set resumed_at = $3 from changed c
       where p.system_id = c.id and p.resumed_at is null and $2::timestamptz is null
     )
     select id from changed`,
    [systemId, suspendedAt, now],
  );
  return rows.length === 1;
}

/** Everything that refers to the system goes with it (on delete cascade); its secrets leave only their tombstones. */
export async function eraseSystem(db: Queryable, systemId: string, now: Date): Promise<boolean> {
  const rows = await db.query(
    `with tombstones as (
       insert into erased_secrets (secret_public, secret_sha256, erased_at)
       select secret_public, secret_sha256, $2 from system_secrets where system_id = $1
       on conflict (secret_public) do nothing
     )
     delete from systems where id = $1 returning id`,
    [systemId, now],
  );
  return rows.length === 1;
}

export async function countSystems(db: Queryable): Promise<Record<string, number>> {
  const rows = await db.query<{ status: string; count: number }>(
    `select case when suspended_at is not null then 'suspended' else status end as status, count(*)::integer as count
     from systems group by 1`,
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}

/** What the newest inventory of a system says of it. A fact that is missing keeps the known one. */
export interface SystemFacts {
  systemId: string;
  receivedAt: Date;
  type?: string | undefined;
  fqdn?: string | undefined;
  version?: string | undefined;
  ipv4?: string | undefined;
  ipv6?: string | undefined;
}

/** Facts of an inventory that is older than the last one change nothing. */
export async function updateFacts(db: Queryable, facts: readonly SystemFacts[]): Promise<void> {
  await db.query(
    `update systems s set
       type = coalesce(f.type, s.type), fqdn = coalesce(f.fqdn, s.fqdn), version = coalesce(f.version, s.version),
       ipv4_address = coalesce(f.ipv4::inet, s.ipv4_address), ipv6_address = coalesce(f.ipv6::inet, s.ipv6_address),
       last_inventory_at = f.received_at
     from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
       as f (system_id, received_at, type, fqdn, version, ipv4, ipv6)
     where s.id = f.system_id and (s.last_inventory_at is null or s.last_inventory_at <= f.received_at)`,
    [
      facts.map((one) => one.systemId),
      facts.map((one) => one.receivedAt),
      facts.map((one) => one.type ?? null),
      facts.map((one) => one.fqdn ?? null),
      facts.map((one) => one.version ?? null),
      facts.map((one) => one.ipv4 ?? null),
      facts.map((one) => one.ipv6 ?? null),
    ],
    { name: "update-system-facts" },
  );
}
