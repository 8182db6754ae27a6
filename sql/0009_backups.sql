-- Backups: what is kept, what is on its way in, what is on its way out, and what is wrong.

-- Written last: a row is a backup that is stored whole, hashed and durable.
create table backups (
  id uuid primary key,                        -- UUIDv7, also in the object's key
  system_id uuid not null references systems on delete cascade,
  organization_id text not null,              -- at the time of the upload: part of the key, and whose quota it counts against
  object_key text collate "C" not null unique,
  extension text not null,
  filename text not null,
  media_type text not null,
  size bigint not null,
  sha256 text not null,
  encryption text not null check (encryption in ('encrypted', 'plain', 'unknown')),
  uploader_ip text,
  uploaded_at timestamptz not null,
  locked_until timestamptz,                   -- nobody deletes it before
  pinned_at timestamptz,                      -- never deleted until unpinned
  state text not null default 'kept' check (state in ('kept', 'damaged', 'lost')),
  verified_at timestamptz,                    -- last time it was read back and had its hash
  checked_at timestamptz not null             -- last time anybody looked, whatever was found
);

create index backups_by_system on backups (system_id, uploaded_at desc, id desc);
create index backups_to_check on backups (checked_at, id) where state <> 'lost';

-- One row an upload under way. It reserves quota, and names the object that must go if the upload comes to nothing; no
-- foreign key, so that it outlives its system.
create table backup_uploads (
  id uuid primary key,
  system_id uuid not null,
  organization_id text not null,
  object_key text not null,
  size bigint not null,                       -- bytes reserved
  started_at timestamptz not null,
  renewed_at timestamptz not null             -- the gateway that takes it says so each minute
);

create index backup_uploads_by_system on backup_uploads (system_id);

-- Objects whose rows are gone: they are removed until it has worked.
create table backup_removals (
  object_key text primary key,
  attempts integer not null default 0,
  due_at timestamptz,                         -- null: now
  reason text                                 -- why the last attempt failed
);

-- Bytes of each organisation: kept and reserved. Exact, since triggers count within the transactions themselves.
create table backup_usage (
  organization_id text primary key,
  bytes bigint not null
) with (fillfactor = 70);

create function count_backup_usage() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    update backup_usage set bytes = bytes - old.size where organization_id = old.organization_id;
  end if;
  if tg_op <> 'DELETE' then
    insert into backup_usage values (new.organization_id, new.size)
    on conflict (organization_id) do update set bytes = backup_usage.bytes + excluded.bytes;
  end if;
  return null;
end $$;

create trigger count_usage after insert or delete or update of size on backups
  for each row execute function count_backup_usage();
create trigger count_usage after insert or delete or update of size on backup_uploads
  for each row execute function count_backup_usage();

-- However a row goes, by hand, by retention or with its system, its object follows.
create function remove_backup_object() returns trigger language plpgsql as $$
begin
  insert into backup_removals (object_key) values (old.object_key) on conflict do nothing;
  update backup_alerts set resolved_at = greatest(now(), opened_at) where backup_id = old.id and resolved_at is null;
  return null;
end $$;

create trigger remove_object after delete on backups for each row execute function remove_backup_object();

create table backup_alerts (
  id uuid primary key,
  system_id uuid not null references systems on delete cascade,
  backup_id uuid,
  cause text not null check (cause in ('damaged', 'lost', 'stale', 'shrunk')),
  message text not null,
  opened_at timestamptz not null,
  resolved_at timestamptz
);

-- One open alert a cause; those about a system as a whole have no backup.
create unique index backup_alerts_open
  on backup_alerts (system_id, cause, coalesce(backup_id, '00000000-0000-0000-0000-000000000000')) where resolved_at is null;
create index backup_alerts_by_time on backup_alerts (opened_at desc, id desc);
create index backup_alerts_by_backup on backup_alerts (backup_id) where resolved_at is null;

-- Every download by an operator or through a link. No foreign keys: the log outlives what was downloaded.
create table backup_downloads (
  id bigint generated always as identity primary key,
  backup_id uuid not null,
  system_id uuid not null,
  via text not null check (via in ('link', 'operator')),
  link_id uuid,
  address text not null,
  downloaded_at timestamptz not null
);

create index backup_downloads_by_backup on backup_downloads (backup_id, downloaded_at desc);

-- One row: what signs download links, the same for all gateways of one database, and since when objects without rows are
-- looked for. Objects older than that belong to whoever used the store before.
create table backup_installation (
  one boolean primary key default true check (one),
  link_secret bytea not null,
  sweeping_since timestamptz
);

insert into backup_installation (link_secret)
  values (sha256(convert_to(concat(gen_random_uuid(), gen_random_uuid(), gen_random_uuid()), 'UTF8')));
