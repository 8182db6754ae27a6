// Reads the tenant and labels of systems and organizations, with which their alerts are labelled.
import { Failure } from "../../../errors.ts";
import type { Queryable } from "../../../ports/database.ts";
import { tenantOf } from "./labels.ts";
import type { Identity } from "./labels.ts";

interface Row {
  id: string;
  system_key: string;
  name: string;
  type: string | null;
  fqdn: string | null;
  ipv4: string | null;
  organization_id: string;
  tenant: string | null;
  organization_name: string | null;
  organization_type: string | null;
  vat: string | null;
}

/** By id; ids of erased systems are missing. */
export async function findIdentities(db: Queryable, systemIds: readonly string[]): Promise<Map<string, Identity>> {
  const rows = await db.query<Row>(
    `select s.id, s.system_key, s.name, s.type, s.fqdn, host(s.ipv4_address) as ipv4, s.organization_id,
       o.tenant, o.name as organization_name, o.type as organization_type, o.vat
     from systems s left join organizations o on o.id = s.organization_id where s.id = any($1::uuid[])`,
    [systemIds],
    { name: "find-identities" },
  );
  return new Map(rows.map((row) => [row.id, readIdentity(row)]));
}

/** A Failure 401 for a system that was erased meanwhile. */
export async function identityOf(db: Queryable, systemId: string): Promise<Identity> {
  const identity = (await findIdentities(db, [systemId])).get(systemId);
  if (identity) return identity;
  throw new Failure("auth.refused", 401, "unauthorized");
}

const readIdentity = (row: Row): Identity => ({
  systemId: row.id,
  organizationId: row.organization_id,
  tenant: tenantOf(row.organization_id, row.tenant),
  labels: {
    system_id: row.id,
    system_key: row.system_key,
    system_name: row.name,
    system_type: row.type ?? "",
    system_fqdn: row.fqdn ?? "",
    system_ipv4: row.ipv4 ?? "",
    organization_id: row.organization_id,
    organization_name: row.organization_name ?? "",
    organization_vat: row.vat ?? "",
    organization_type: typeLabel(row.organization_type),
  },
});

/** For an alert of a whole organization; unknown labels are left out. */
export interface OrganizationIdentity {
  tenant: string;
  labels: Record<string, string>;
}

/** Also for an organization without a row. */
export async function findOrganization(db: Queryable, id: string): Promise<OrganizationIdentity> {
  const [row] = await db.query<Record<"tenant" | "name" | "type" | "vat", string | null>>(
    `select tenant, name, type, vat from organizations where id = $1`,
    [id],
  );
  const labels = {
    organization_id: id,
    organization_name: row?.name ?? "",
    organization_vat: row?.vat ?? "",
    organization_type: typeLabel(row?.type),
  };
  return {
    tenant: tenantOf(id, row?.tenant ?? null),
    labels: Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== "")),
  };
}

/** An owner has nobody above: the services that read these labels know the three others. */
const typeLabel = (type: string | null | undefined) => (type === "owner" ? "" : (type ?? ""));

interface Organization {
  id: string;
  tenant: string;
}

/** Every organization that has systems, or a row, with its tenant. There are at most thousands. */
export async function listTenants(db: Queryable): Promise<Organization[]> {
  const rows = await db.query<{ id: string; tenant: string | null }>(
    `with recursive named as (
       (select organization_id as id from systems order by organization_id limit 1)
       union all
       select (select organization_id from systems where organization_id > n.id order by organization_id limit 1)
       from named n where n.id is not null
     )
     select id, o.tenant from (select id from named where id is not null union select id from organizations) every
     left join organizations o using (id) order by id`,
  );
  return rows.map(({ id, tenant }) => ({ id, tenant: tenantOf(id, tenant) }));
}
