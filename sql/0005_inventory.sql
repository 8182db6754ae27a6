-- Inventories as they came, the chain they form by receive time, and what changed along it.

create table inventory_records (
  id uuid primary key,
  system_id uuid not null references systems on delete cascade,
  received_at timestamptz not null,
  last_seen_at timestamptz not null,
  data json not null,               -- json, not jsonb: it keeps the text of numbers and costs less to store
  data_hash text not null,          -- SHA-256 of the canonical form
  data_size bigint not null,        -- bytes as received
  repaired integer not null default 0,
  partial_reasons text[] not null default '{}',
  previous_record_id uuid,          -- the neighbour in the chain that this record is compared with; null for the first
  diffed_at timestamptz,            -- null until compared with previous_record_id
  change_count integer not null default 0
);

create unique index inventory_records_chain on inventory_records (system_id, received_at, id);

-- Self-contained: a diff outlives the records it was made from.
create table inventory_diffs (
  id uuid primary key,
  system_id uuid not null references systems on delete cascade,
  record_id uuid not null,
  previous_record_id uuid not null,
  position integer not null,        -- order within the record's changes
  pointer text not null,            -- JSON Pointer in the raw document
  field_path text not null,         -- the same place for people
  change_type text not null check (change_type in ('create', 'update', 'delete')),
  category text not null,
  severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
  significant boolean not null,
  previous_value json,
  current_value json,
  detected_at timestamptz not null  -- receive time of the record that shows the change
);

create unique index inventory_diffs_once on inventory_diffs (record_id, position);
create index inventory_diffs_timeline on inventory_diffs (system_id, detected_at, record_id, position);
create index inventory_diffs_recent on inventory_diffs (detected_at, severity) where significant;

create table inventory_alerts (
  id uuid primary key,
  system_id uuid not null references systems on delete cascade,
  diff_id uuid references inventory_diffs on delete cascade,
  alert_type text not null,
  message text not null,
  severity text not null check (severity in ('low', 'medium', 'high', 'critical')),
  is_resolved boolean not null default false,
  resolved_at timestamptz,
  created_at timestamptz not null
);

create unique index inventory_alerts_once on inventory_alerts (diff_id, alert_type);
create index inventory_alerts_by_system on inventory_alerts (system_id, created_at desc);
create index inventory_alerts_open on inventory_alerts (created_at desc, id desc) where not is_resolved;
