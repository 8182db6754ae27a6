// A NethServer "my" database, as far as an import reads it, with the constraints that its rows obey.
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { createTestDatabase } from "../support/postgres.ts";
import type { TestDatabase } from "../support/postgres.ts";

const TABLES = `
create table systems (id varchar(255) primary key, name varchar(255) not null, type varchar(100), fqdn varchar(255), ipv4_address inet,
  ipv6_address inet, version varchar(100), status varchar(50) not null default 'unknown', organization_id varchar(255) not null,
  system_key varchar(255) unique not null, system_secret_public varchar(64), system_secret_sha256 varchar(128), custom_data jsonb,
  notes text default '', created_by jsonb not null default '{}', created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(), registered_at timestamptz, suspended_at timestamptz, last_inventory_at timestamptz,
  deleted_at timestamptz);
create table system_heartbeats (id bigserial primary key, system_id varchar(255) unique not null references systems on delete cascade,
  last_heartbeat timestamptz not null, status varchar(20) default 'active', metadata jsonb, created_at timestamptz default now());
create table inventory_records (id bigserial primary key, system_id varchar(255) not null, timestamp timestamptz not null, data jsonb not null,
  data_hash varchar(64) not null, data_size bigint not null, processed_at timestamptz, has_changes boolean default false,
  change_count int default 0, created_at timestamptz default now(), updated_at timestamptz default now(), unique (system_id, data_hash));
create table inventory_diffs (id bigserial primary key, system_id varchar(255) not null,
  previous_id bigint references inventory_records on delete set null, current_id bigint references inventory_records on delete set null,
  diff_type varchar(20) not null, category varchar(100), severity varchar(20) default 'medium', field_path varchar(500),
  previous_value jsonb, current_value jsonb, notification_sent boolean default false, created_at timestamptz default now());
create table alert_history (id bigserial primary key, system_key varchar(255) not null, organization_id varchar(255) not null,
  alertname varchar(255) not null, severity varchar(50), status varchar(50) not null, fingerprint varchar(255) not null,
  starts_at timestamptz not null, ends_at timestamptz, summary text, labels jsonb not null default '{}', annotations jsonb not null default '{}',
  receiver varchar(255), created_at timestamptz default now());
${["distributors", "resellers", "customers"]
  .map(
    (
      table,
    ) => `create table ${table} (id varchar(255) primary key, logto_id varchar(255), name varchar(255) not null, description text,
  custom_data jsonb, created_at timestamptz default now(), updated_at timestamptz default now(), deleted_at timestamptz, suspended_at timestamptz);`,
  )
  .join("\n")}`;

export interface FormerSystemRow {
  id: string;
  key: string;
  /** What the appliance keeps. */
  token: string;
}

export interface MyDatabase extends TestDatabase {
  addSystem(overrides?: Record<string, unknown>): Promise<FormerSystemRow>;
  /** As its worker stores one: the same document again moves the time of its row. Returns the row's id. */
  addInventory(systemId: string, at: string, document: unknown): Promise<string>;
}

export async function createMyDatabase(): Promise<MyDatabase> {
  const created = await createTestDatabase();
  const { database } = created;
  for (const statement of ["drop schema public cascade", "create schema public", ...TABLES.split(/;\n/)])
    if (statement.trim() !== "") await database.query(statement);
  let serial = 0;
  return {
    ...created,
    async addSystem(overrides = {}) {
      serial += 1;
      const publicPart = randomBytes(10).toString("hex");
      const secret = randomBytes(20).toString("hex");
      const salt = randomBytes(16);
      const hash = `${salt.toString("hex")}:${createHash("sha256").update(salt).update(secret).digest("hex")}`;
      const row = {
        id: randomUUID(),
        name: `Branch ${serial}`,
        organization_id: "org-1",
        system_key: `NETH-${randomUUID().toUpperCase()}`,
        system_secret_public: publicPart,
        system_secret_sha256: hash,
        registered_at: "2026-01-02T00:00:00Z",
        created_at: "2026-01-01T00:00:00Z",
        ...overrides,
      };
      const names = Object.keys(row);
      await database.query(
        `insert into systems (${names.join(", ")}) values (${names.map((_, at) => `$${at + 1}`).join(", ")})`,
        Object.values(row),
      );
      return { id: row.id, key: row.system_key, token: `my_${publicPart}.${secret}` };
    },
    async addInventory(systemId, at, document) {
      const text = JSON.stringify(document);
      const [row] = await database.query<{ id: string }>(
        `insert into inventory_records (system_id, timestamp, data, data_hash, data_size, created_at)
         values ($1, $2, $3::jsonb, $4, $5, $2)
         on conflict (system_id, data_hash) do update set timestamp = excluded.timestamp, updated_at = now() returning id::text as id`,
        [systemId, at, text, Bun.SHA256.hash(text, "hex"), text.length],
      );
      return row?.id ?? "";
    },
  };
}
