// Stores applications.
import type { Queryable } from "../../ports/database.ts";
import type { Application } from "./extract.ts";

export interface KnownApplication {
  id: string;
  moduleId: string;
  nodeId: number | null;
  hash: string;
  deleted: boolean;
}

export interface KnownSystem {
  fqdn: string | null;
  /** By module id, deleted ones too. */
  applications: Map<string, KnownApplication>;
}

/** The stored applications of these systems. */
export async function findKnown(db: Queryable, systemIds: string[]): Promise<Map<string, KnownSystem>> {
  const rows = await db.query<
    { systemId: string; fqdn: string | null } & ({ id: null } | (KnownApplication & { id: string }))
  >(
    `select s.id as "systemId", s.fqdn, a.id, a.module_id as "moduleId", a.node_id as "nodeId", a.content_hash as hash,
       a.deleted_at is not null as deleted
     from systems s left join applications a on a.system_id = s.id
     where s.id = any($1::uuid[])`,
    [systemIds],
    { name: "find-known-applications" },
  );
  const systems = new Map<string, KnownSystem>();
  for (const row of rows) {
    const system = systems.get(row.systemId) ?? { fqdn: row.fqdn, applications: new Map() };
    systems.set(row.systemId, system);
    if (row.id !== null) system.applications.set(row.moduleId, row);
  }
  return systems;
}

export interface ApplicationRow extends Application {
  id: string;
  systemId: string;
  url: string | null;
  hash: string;
  receivedAt: Date;
}

/** Adds, changes and revives. What a cluster no longer says of an application stays, except its version and node. */
export async function upsertApplications(db: Queryable, rows: ApplicationRow[]): Promise<void> {
  await db.query(
    `insert into applications as a (id, system_id, module_id, instance_of, name, display_name, source, version, node_id, node_label,
       is_user_facing, url, inventory_data, content_hash, first_seen_at, updated_at)
     select id, system_id, module_id, instance_of, name, display_name, source, version, node_id, node_label,
       is_user_facing, url, inventory_data::json, content_hash, received_at, received_at
     from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::integer[],
       $10::text[], $11::boolean[], $12::text[], $13::text[], $14::text[], $15::timestamptz[])
       as t (id, system_id, module_id, instance_of, name, display_name, source, version, node_id,
         node_label, is_user_facing, url, inventory_data, content_hash, received_at)
     on conflict (id) do update set
       instance_of = excluded.instance_of, name = coalesce(excluded.name, a.name),
       display_name = coalesce(excluded.display_name, a.display_name), source = coalesce(excluded.source, a.source),
       version = excluded.version, node_id = excluded.node_id, node_label = coalesce(excluded.node_label, a.node_label),
       is_user_facing = excluded.is_user_facing, url = coalesce(excluded.url, a.url),
       inventory_data = excluded.inventory_data, content_hash = excluded.content_hash,
       updated_at = excluded.updated_at, deleted_at = null`,
    [
      rows.map((row) => row.id),
      rows.map((row) => row.systemId),
      rows.map((row) => row.moduleId),
      rows.map((row) => row.instanceOf),
      rows.map((row) => row.name),
      rows.map((row) => row.displayName),
      rows.map((row) => row.source),
      rows.map((row) => row.version),
      rows.map((row) => row.nodeId),
      rows.map((row) => row.nodeLabel),
      rows.map((row) => row.isUserFacing),
      rows.map((row) => row.url),
      rows.map((row) => row.inventoryData),
      rows.map((row) => row.hash),
      rows.map((row) => row.receivedAt),
    ],
    { name: "upsert-applications" },
  );
}

export async function markDeleted(db: Queryable, gone: { id: string; at: Date }[]): Promise<void> {
  await db.query(
    `update applications a set deleted_at = t.at, updated_at = t.at
     from unnest($1::text[], $2::timestamptz[]) as t (id, at) where a.id = t.id and a.deleted_at is null`,
    [gone.map((one) => one.id), gone.map((one) => one.at)],
  );
}

interface ListedRow {
  id: string;
  module_id: string;
  instance_of: string;
  name: string | null;
  display_name: string | null;
  source: string | null;
  version: string | null;
  node_id: number | null;
  node_label: string | null;
  is_user_facing: boolean;
  url: string | null;
  inventory_text: string;
  first_seen_at: Date;
  updated_at: Date;
  deleted_at: Date | null;
}

/** Ordered by module id, after `after`. Deleted ones come along only when asked for. */
export async function listApplications(
  db: Queryable,
  systemId: string,
  query: { deleted: boolean; limit: number },
  after: string | undefined,
): Promise<ListedRow[]> {
  return db.query(
    `select id, module_id, instance_of, name, display_name, source, version, node_id, node_label, is_user_facing, url,
       inventory_data::text as inventory_text, first_seen_at, updated_at, deleted_at
     from applications
     where system_id = $1 and ($2 or deleted_at is null) and ($3::text is null or module_id > $3)
     order by module_id limit $4`,
    [systemId, query.deleted, after ?? null, query.limit],
  );
}

interface InstanceCount {
  instance_of: string;
  applications: number;
  systems: number;
}

/** Counts each kind, on one system or, for null, on all; the most frequent first. */
export async function countInstances(db: Queryable, systemId: string | null, limit: number): Promise<InstanceCount[]> {
  return db.query(
    `select instance_of, count(*)::integer as applications, count(distinct system_id)::integer as systems
     from applications where deleted_at is null and ($1::uuid is null or system_id = $1)
     group by 1 order by 2 desc, 1 limit $2`,
    [systemId, limit],
  );
}
