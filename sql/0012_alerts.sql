-- Organisations as far as Muster needs them, and alerts on their way to Alertmanager.

-- An organisation that only systems name has no row: it is its own tenant, of type owner, and not suspended.
create table organizations (
  id text primary key,
  name text not null,
  type text not null check (type in ('owner', 'distributor', 'reseller', 'customer')),
  tenant text,
  vat text not null default '',
  created_at timestamptz not null,
  suspended_at timestamptz,
  resumed_at timestamptz
);

-- The newest state of each alert that a system posted, or that Muster raises itself (system_id null: of an organisation).
-- A state is delivered when delivered_position = position; a newer one replaces it, delivered or not.
create table alert_outbox (
  subject text not null,
  fingerprint text not null,  -- of the labels as the sender gave them
  system_id uuid references systems on delete cascade,
  tenant text not null,
  position bigint not null,  -- µs since 1970, growing
  delivered_position bigint not null default 0,
  alert jsonb not null,
  refused text,
  updated_at timestamptz not null,
  primary key (subject, fingerprint)
);

create index alert_outbox_undelivered on alert_outbox (tenant, position) where delivered_position < position;
create index alert_outbox_by_system on alert_outbox (system_id);
create index alert_outbox_by_age on alert_outbox (updated_at);

-- Systems that are silent: single ones ring, those of a site that went silent as a whole are covered by its one alert.
create table link_failures (
  system_id uuid primary key references systems on delete cascade,
  organization_id text not null,
  tenant text,  -- with the labels: where the alert was sent
  state text not null check (state in ('new', 'single', 'covered')),
  labels jsonb,  -- as first sent: they are the alert's identity
  starts_at timestamptz not null
);

create index link_failures_by_organization on link_failures (organization_id, state);

create table site_failures (
  organization_id text primary key,
  tenant text not null,
  labels jsonb not null,
  starts_at timestamptz not null,
  peak integer not null  -- most systems it ever covered
);

-- Alerts that are over, as Alertmanager tells.
create table alert_history (
  id uuid primary key,
  system_id uuid references systems on delete cascade,
  system_key text,
  organization_id text not null,
  alertname text not null,
  severity text,
  status text not null,
  fingerprint text not null,
  starts_at timestamptz not null,
  ends_at timestamptz,
  summary text,
  labels jsonb not null,
  annotations jsonb not null,
  receiver text,
  created_at timestamptz not null,
  unique (organization_id, fingerprint, starts_at)
);

create index alert_history_by_time on alert_history (created_at desc, id desc);
create index alert_history_by_system on alert_history (system_id, created_at desc, id desc);

create table alerts_totals_by_org (
  organization_id text primary key,
  active integer not null,
  critical integer not null,
  warning integer not null,
  info integer not null,
  muted integer not null,
  updated_at timestamptz not null
);
