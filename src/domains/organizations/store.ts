// Stores organizations. One that only systems name is shown like any other, with the defaults.
import type { Queryable } from "../../ports/database.ts";
import type { ChangedOrganization, NewOrganization, Organization } from "./schema.ts";

const SHOWN = `id, coalesce(o.name, 'Owner') as name, coalesce(o.type, 'owner') as type, o.tenant, coalesce(o.vat, '') as vat,
  o.created_at, o.suspended_at`;

/** By id, after the id `after`. */
export async function listOrganizations(db: Queryable, after: string | null, limit: number): Promise<Organization[]> {
  return db.query(
    `with named as (
       (select id from organizations where $1::text is null or id > $1 order by id limit $2)
       union
       (select distinct organization_id from systems where $1::text is null or organization_id > $1 order by 1 limit $2)
       order by id limit $2
     )
     select ${SHOWN}, (select count(*)::integer from systems s where s.organization_id = named.id) as systems
     from named left join organizations o using (id) order by id`,
    [after, limit],
  );
}

export async function countOrganizations(db: Queryable): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `select count(*)::integer as count from (select id from organizations union select organization_id from systems) named`,
  );
  return row?.count ?? 0;
}

export async function findOrganization(db: Queryable, id: string): Promise<Organization | undefined> {
  const [row] = await db.query<Organization>(
    `select ${SHOWN}, (select count(*)::integer from systems s where s.organization_id = named.id) as systems
     from (select $1::text as id) named left join organizations o using (id)
     where o.id is not null or exists (select from systems s where s.organization_id = named.id)`,
    [id],
  );
  return row;
}

/** False when there is one of this id already. */
export async function insertOrganization(db: Queryable, row: Required<NewOrganization>, now: Date): Promise<boolean> {
  const rows = await db.query(
    `insert into organizations (id, name, type, tenant, vat, created_at) values ($1, $2, $3, nullif($4, ''), $5, $6)
     on conflict (id) do nothing returning id`,
    [row.id, row.name, row.type, row.tenant, row.vat, now],
  );
  return rows.length === 1;
}

/** One that only systems named gets its row here. */
export async function changeOrganization(
  db: Queryable,
  id: string,
  { name, type, tenant, vat }: ChangedOrganization,
  now: Date,
): Promise<void> {
  await db.query(
    `insert into organizations as o (id, name, type, tenant, vat, created_at)
     values ($1, coalesce($2, 'Owner'), coalesce($3, 'owner'), $4, coalesce($5, ''), $6)
     on conflict (id) do update set name = coalesce($2, o.name), type = coalesce($3, o.type),
       tenant = coalesce($4, o.tenant), vat = coalesce($5, o.vat)`,
    [id, name ?? null, type ?? null, tenant ?? null, vat ?? null, now],
  );
}

/** Suspending twice keeps the first time. */
export async function setSuspended(db: Queryable, id: string, isSuspended: boolean, now: Date): Promise<void> {
  await db.query(
    `insert into organizations as o (id, name, type, created_at, suspended_at)
     values ($1, 'Owner', 'owner', $3, case when $2::boolean then $3::timestamptz end)
     on conflict (id) do update set suspended_at = case when $2 then coalesce(o.suspended_at, $3) end,
       resumed_at = case when not $2 and o.suspended_at is not null then $3 else o.resumed_at end`,
    [id, isSuspended, now],
  );
}

/** An organization of the service that Muster replaces. */
export interface ImportedOrganization {
  id: string;
  name: string;
  type: string;
  vat: string;
  createdAt: Date;
  suspendedAt: Date | null;
}

/** Returns those that were there already, which stay as they are. A dry run only looks. */
export async function importOrganizations(
  db: Queryable,
  rows: readonly ImportedOrganization[],
  dryRun: boolean,
): Promise<Set<string>> {
  const ids = rows.map((row) => row.id);
  const there = await db.query<{ id: string }>(`select id from organizations where id = any($1::text[])`, [ids]);
  if (!dryRun)
    await db.query(
      `insert into organizations (id, name, type, vat, created_at, suspended_at)
       select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
       on conflict (id) do nothing`,
      [
        ids,
        rows.map(
          (row) =>
            row.name
              .toWellFormed()
              .replace(/\p{Cc}+/gu, " ")
              .trim() || row.id,
        ),
        rows.map((row) => row.type),
        rows.map((row) => row.vat),
        rows.map((row) => row.createdAt),
        rows.map((row) => row.suspendedAt),
      ],
    );
  return new Set(there.map((row) => row.id));
}
