// SQL of systems and their secrets.
import type { Queryable } from "../../ports/database.ts";
import type { ListQuery, OldSecret, System } from "./schema.ts";

/** The row that a login is decided on: a system, and the one of its secrets that was asked for. */
export interface CredentialRow {
  systemId: string;
  systemKey: string;
  organizationId: string;
  /** Null when the system has no such secret. */
  secretSha256: string | null;
  /** Set on a secret that a rotation has replaced. */
  expiresAt: Date | null;
  registeredAt: Date | null;
  /** Of the system, or of its organisation. */
  suspendedAt: Date | null;
}

const SHOWN = `
  s.id as system_id, s.system_key, s.name, s.type, s.fqdn, s.version,
  host(s.ipv4_address) as ipv4_address, host(s.ipv6_address) as ipv6_address, s.status,
  h.last_heartbeat, s.last_inventory_at, s.created_at, s.registered_at, s.suspended_at, s.organization_id`;
const FROM = `from systems s left join system_heartbeats h on h.system_id = s.id`;

export interface InsertSystem {
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

/** A system with its organisation, as its own appliance is told of them. */
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

export async function findCredential(
  db: Queryable,
  systemKey: string,
  secretPublic: string,
  now: Date,
): Promise<CredentialRow | undefined> {
  const [row] = await db.query<CredentialRow>(
    `select s.id as "systemId", s.system_key as "systemKey", s.organization_id as "organizationId",
       c.secret_sha256 as "secretSha256", c.expires_at as "expiresAt",
       s.registered_at as "registeredAt", coalesce(s.suspended_at, o.suspended_at) as "suspendedAt"
     from systems s left join organizations o on o.id = s.organization_id
       left join system_secrets c on c.secret_public = $2 and c.system_id = s.id and (c.expires_at is null or c.expires_at > $3)
     where s.system_key = $1`,
    [systemKey, secretPublic, now],
    { name: "find-credential" },
  );
  return row;
}

/** Every pair of a system's key and the first half of a secret of it, as eight bytes of its hash. */
export async function listKnownCredentials(db: Queryable): Promise<Uint8Array> {
  const [row] = await db.query<{ known: Uint8Array | null }>(
    `select string_agg(substring(sha256(convert_to(s.system_key || E'\\n' || c.secret_public, 'UTF8')) for 8), ''::bytea) as known
     from system_secrets c join systems s on s.id = c.system_id`,
  );
  return row?.known ?? new Uint8Array();
}

/** A system that may register; without an id it is nobody, or was erased: then only the hash of its secret is left. */
export type Registrant =
  | { systemId: string; systemKey: string; registeredAt: Date | null; suspendedAt: Date | null; sha256: string }
  | { systemId: null; sha256: string | null };

/** One statement, whether there is such a secret, was one, or never was. */
export async function findRegistrant(db: Queryable, secretPublic: string, now: Date): Promise<Registrant> {
  const [row] = await db.query<Registrant>(
    `select s.id as "systemId", s.system_key as "systemKey", s.registered_at as "registeredAt",
       coalesce(s.suspended_at, o.suspended_at) as "suspendedAt", coalesce(c.secret_sha256, e.secret_sha256) as sha256
     from (select $1::text as public) asked
       left join system_secrets c on c.secret_public = asked.public and (c.expires_at is null or c.expires_at > $2)
       left join systems s on s.id = c.system_id
       left join organizations o on o.id = s.organization_id
       left join erased_secrets e on e.secret_public = asked.public`,
    [secretPublic, now],
  );
  return row ?? { systemId: null, sha256: null };
}

/** At most once a minute a secret, so a busy system does not turn into writes. */
export async function touchSecret(db: Queryable, secretPublic: string, now: Date): Promise<void> {
  await db.query(
    `update system_secrets set last_used_at = $2
     where secret_public = $1 and (last_used_at is null or last_used_at < $2::timestamptz - interval '1 minute')`,
    [secretPublic, now],
  );
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

export interface ReplaceSecret {
  systemId: string;
  secretPublic: string;
  secretSha256: string;
  now: Date;
  /** Null ends every older secret at once. */
  oldExpiresAt: Date | null;
}

export async function replaceSecret(db: Queryable, row: ReplaceSecret): Promise<void> {
  await db.query(
    `with ended as (
       delete from system_secrets where system_id = $1 and ($5::timestamptz is null or expires_at <= $4)
     ), aged as (
       update system_secrets set expires_at = $5 where system_id = $1 and expires_at is null and $5::timestamptz is not null
     )
     insert into system_secrets (secret_public, system_id, secret_sha256, created_at) values ($2, $1, $3, $4)`,
    [row.systemId, row.secretPublic, row.secretSha256, row.now, row.oldExpiresAt],
  );
}

export async function listOldSecrets(db: Queryable, now: Date): Promise<OldSecret[]> {
  return db.query(
    `select s.id as system_id, s.system_key, s.name, c.secret_public, c.expires_at, c.last_used_at
     from system_secrets c join systems s on s.id = c.system_id
     where c.expires_at > $1 order by c.last_used_at desc nulls last, s.system_key`,
    [now],
  );
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
