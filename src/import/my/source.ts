// Reads a NethServer "my" database page by page, in transactions that cannot write. Columns are those of its migrations 001 to 038.
import { openDatabase } from "../../adapters/postgres/database.ts";
import type { PostgresDatabase } from "../../adapters/postgres/database.ts";
import { Failure, reasonOf } from "../../errors.ts";
import type { Log } from "../../log.ts";

export interface SourceSystem {
  id: string;
  name: string;
  type: string | null;
  fqdn: string | null;
  version: string | null;
  ipv4: string | null;
  ipv6: string | null;
  status: string;
  organizationId: string;
  systemKey: string;
  secretPublic: string | null;
  secretSha256: string | null;
  createdAt: Date;
  registeredAt: Date | null;
  suspendedAt: Date | null;
  deletedAt: Date | null;
  lastHeartbeat: Date | null;
}

interface SourceOrganization {
  id: string | null;
  name: string;
  type: string;
  vat: string | null;
  createdAt: Date;
  suspendedAt: Date | null;
  deletedAt: Date | null;
}

interface SourceRecord {
  id: string;
  systemId: string;
  receivedAt: Date;
  text: string;
}

export interface SourceChange {
  id: string;
  systemId: string;
  fieldPath: string;
  changeType: string;
  category: string | null;
  severity: string;
  previousValue: string | null;
  currentValue: string | null;
  detectedAt: Date;
}

interface SourceAlert {
  id: string;
  systemKey: string;
  organizationId: string;
  alertname: string;
  severity: string | null;
  status: string;
  fingerprint: string;
  startsAt: Date;
  endsAt: Date | null;
  summary: string | null;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  receiver: string | null;
  createdAt: Date;
}

/** Of one system: what was brought before. */
export interface Since {
  systemId: string;
  recordId: string;
  changeId: string;
  seenUntil: Date | null;
}

const TABLES: Record<string, readonly string[]> = {
  systems: [
    "id",
    "name",
    "organization_id",
    "system_key",
    "system_secret_public",
    "system_secret_sha256",
    "deleted_at",
  ],
  system_heartbeats: ["system_id", "last_heartbeat"],
  inventory_records: ["id", "system_id", "timestamp", "data", "created_at"],
  inventory_diffs: ["id", "system_id", "previous_id", "current_id", "diff_type", "field_path", "created_at"],
  alert_history: ["id", "system_key", "organization_id", "fingerprint", "starts_at", "labels", "created_at"],
  distributors: ["logto_id", "name", "custom_data"],
  resellers: ["logto_id", "name", "custom_data"],
  customers: ["logto_id", "name", "custom_data"],
};

/** A page of documents of 1 MB each takes a while from afar. */
const QUERY_TIMEOUT_MS = 25_000;

export type Source = ReturnType<typeof sourceOf> & { close(): Promise<void> };

/** Throws a Failure when it cannot be reached, or is no such database. */
export async function openSource(url: string, log: Log): Promise<Source> {
  const database = openDatabase(
    { connectionString: url },
    { maxConnections: 1, log, queryTimeoutMs: QUERY_TIMEOUT_MS },
  );
  try {
    await refuseOthers(database);
  } catch (error) {
    await database.close();
    if (error instanceof Failure && error.code === "import.source") throw error;
    throw new Failure("import.source", 503, `The database to import from does not answer: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  return { ...sourceOf(database), close: () => database.close() };
}

async function refuseOthers(database: PostgresDatabase): Promise<void> {
  const rows = await database.query<{ name: string; columns: string[] }>(
    `select c.relname as name, array_agg(a.attname::text) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.oid = any(array(select to_regclass(name)::oid from unnest($1::text[]) name)) group by c.relname`,
    [Object.keys(TABLES)],
  );
  const found = new Map(rows.map((row) => [row.name, row.columns]));
  const missing = Object.entries(TABLES).flatMap(([table, columns]) => {
    const there = found.get(table);
    if (!there) return [table];
    return columns.filter((column) => !there.includes(column)).map((column) => `${table}.${column}`);
  });
  if (missing.length > 0)
    throw new Failure("import.source", 422, `This is no database of NethServer "my": it lacks ${missing.join(", ")}.`);
}

/** Each page in a transaction that cannot write. */
function sourceOf(database: PostgresDatabase) {
  const read = <Row>(text: string, values: readonly unknown[]): Promise<Row[]> =>
    database.transaction(async (tx) => {
      await tx.query("set transaction read only");
      return tx.query<Row>(text, values);
    });
  return {
    organizations: (after: string, limit: number) =>
      read<SourceOrganization & { place: string }>(
        `select * from (
           select 'distributor' as type, 'distributor ' || id as place, logto_id as id, name, custom_data ->> 'vat' as vat, created_at as "createdAt",
             suspended_at as "suspendedAt", deleted_at as "deletedAt" from distributors
           union all
           select 'reseller', 'reseller ' || id, logto_id, name, custom_data ->> 'vat', created_at, suspended_at, deleted_at from resellers
           union all
           select 'customer', 'customer ' || id, logto_id, name, custom_data ->> 'vat', created_at, suspended_at, deleted_at from customers
         ) o where place > $1 collate "C" order by place collate "C" limit $2`,
        [after, limit],
      ),

    async countSystems(): Promise<number> {
      const [row] = await read<{ count: number }>("select count(*)::integer as count from systems", []);
      return row?.count ?? 0;
    },

    systems: (after: string, limit: number) =>
      read<SourceSystem>(
        `select s.id, s.name, s.type, s.fqdn, s.version, host(s.ipv4_address) as ipv4, host(s.ipv6_address) as ipv6, s.status,
           s.organization_id as "organizationId", s.system_key as "systemKey", s.system_secret_public as "secretPublic",
           s.system_secret_sha256 as "secretSha256", s.created_at as "createdAt", s.registered_at as "registeredAt",
           s.suspended_at as "suspendedAt", s.deleted_at as "deletedAt", h.last_heartbeat as "lastHeartbeat"
         from systems s left join system_heartbeats h on h.system_id = s.id
         where s.id > $1 order by s.id limit $2`,
        [after, limit],
      ),

    /** The next few of each system, in the order in which they came. */
    records: (since: readonly Since[], each: number) =>
      read<SourceRecord>(
        `select r.id::text as id, r.system_id as "systemId", r.created_at as "receivedAt", r.data::text as text
         from unnest($1::text[], $2::bigint[]) s (system_id, after)
         cross join lateral (
           select * from inventory_records r where r.system_id = s.system_id and r.id > s.after order by r.id limit $3
         ) r order by r.system_id, r.id`,
        [since.map((one) => one.systemId), since.map((one) => one.recordId), each],
      ),

    /** The same document came again, which moved its time. Documents bear clocks and counters, so there are few. */
    seenAgain: (since: readonly Since[]) =>
      read<SourceRecord>(
        `select r.id::text as id, r.system_id as "systemId", r.timestamp as "receivedAt", r.data::text as text
         from unnest($1::text[], $2::timestamptz[]) s (system_id, seen)
         join inventory_records r on r.system_id = s.system_id and r.timestamp > coalesce(s.seen, '-infinity')
           and r.timestamp > r.created_at + interval '1 second'
         order by r.timestamp, r.id`,
        [since.map((one) => one.systemId), since.map((one) => one.seenUntil)],
      ),

    /** Up to where nothing can come in between any more: transactions there last 30 s at most. */
    settledUntil: async (systemIds: readonly string[], before: Date) => {
      const rows = await read<{ systemId: string; id: string }>(
        `select s as "systemId", coalesce((select max(id) from inventory_records r where r.system_id = s and r.created_at < $2), 0)::text as id
         from unnest($1::text[]) s`,
        [systemIds, before],
      );
      return new Map(rows.map((row) => [row.systemId, row.id]));
    },

    /** Changes of which a document is gone; the others are told by their documents. */
    orphanedChanges: (since: readonly Since[], each: number) =>
      read<SourceChange>(
        `select d.id::text as id, d.system_id as "systemId", d.field_path as "fieldPath", d.diff_type as "changeType", d.category, d.severity,
           d.previous_value::text as "previousValue", d.current_value::text as "currentValue", d.created_at as "detectedAt"
         from unnest($1::text[], $2::bigint[]) s (system_id, after)
         cross join lateral (
           select * from inventory_diffs d where d.system_id = s.system_id and d.id > s.after
             and (d.previous_id is null or d.current_id is null) order by d.id limit $3
         ) d order by d.system_id, d.id`,
        [since.map((one) => one.systemId), since.map((one) => one.changeId), each],
      ),

    alerts: (after: string, limit: number) =>
      read<SourceAlert>(
        `select id::text as id, system_key as "systemKey", organization_id as "organizationId", alertname, severity, status, fingerprint,
           starts_at as "startsAt", ends_at as "endsAt", summary, labels, annotations, receiver, created_at as "createdAt"
         from alert_history where id > $1::bigint order by id limit $2`,
        [after, limit],
      ),
  };
}
