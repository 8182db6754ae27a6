-- Systems and what proves that a request comes from one.

create table systems (
  id uuid primary key,
  name text not null,
  type text,
  fqdn text,
  version text,
  ipv4_address inet,
  ipv6_address inet,
  status text not null default 'unknown' check (status in ('unknown', 'active', 'inactive')),
  organization_id text not null,
  system_key text not null unique,
  created_at timestamptz not null,
  registered_at timestamptz,
  suspended_at timestamptz,
  last_inventory_at timestamptz
) with (fillfactor = 85);

create index systems_by_name on systems (lower(name), id);
create index systems_by_status on systems (status);
create index systems_by_organization on systems (organization_id);

-- One row a secret that still opens something: the current one (expires_at is null) and those of rotations under way.
create table system_secrets (
  secret_public text primary key,
  system_id uuid not null references systems on delete cascade,
  secret_sha256 text not null,  -- hexsalt:hex(sha256(salt || secret))
  created_at timestamptz not null,
  expires_at timestamptz,
  last_used_at timestamptz
);

create index system_secrets_by_system on system_secrets (system_id);

-- All that remains of an erased system: enough to tell its appliance so when it tries to register again.
create table erased_secrets (
  secret_public text primary key,
  secret_sha256 text not null,
  erased_at timestamptz not null
);
