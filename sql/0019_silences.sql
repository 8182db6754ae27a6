-- The silences that systems made at Alertmanager, so that a new one is measured without asking for all of them.
create table alert_silences (
  id uuid primary key,
  system_id uuid not null references systems (id) on delete cascade,
  organization_id text not null,
  -- Alertmanager's id; null while it is being asked.
  silence_id uuid,
  ends_at timestamptz not null,
  created_at timestamptz not null
);
create index alert_silences_by_system on alert_silences (system_id, ends_at);
create index alert_silences_by_organization on alert_silences (organization_id, ends_at);
create index alert_silences_by_end on alert_silences (ends_at);
