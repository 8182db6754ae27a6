-- Who was heard when, when that changed a status, and since when Muster itself has been listening.

create table system_heartbeats (
  system_id uuid primary key references systems on delete cascade,
  last_heartbeat timestamptz not null
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
-- No index on last_heartbeat: every beat updates it, and without one the update stays on its page (HOT).

create table system_status_changes (
  id bigint generated always as identity primary key,
  system_id uuid not null references systems on delete cascade,
  status text not null check (status in ('active', 'inactive')),
  changed_at timestamptz not null
);

create index system_status_changes_by_system on system_status_changes (system_id, changed_at desc);

-- One row a process that takes heartbeats: since when it has been listening without a gap, and when it last said so.
create table gateways (
  id uuid primary key,
  listening_since timestamptz not null,
  seen_at timestamptz not null
);
