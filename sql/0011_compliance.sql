-- Alerts with a cause: one open row for each, resolved when it is gone; what judging needs of each system's inventory.

alter table inventory_alerts
  add column cause text,
  add column seen_at timestamptz,   -- when the newest change counted into a change alert was received
  add column resolution text check (resolution in ('cause_gone', 'operator', 'accepted', 'age'));

update inventory_alerts a
  set cause = case when octet_length(d.field_path) <= 500 then d.field_path else md5(d.field_path) end, seen_at = d.detected_at
  from inventory_diffs d where d.id = a.diff_id;
update inventory_alerts set cause = id::text where cause is null;
update inventory_alerts a set is_resolved = true, resolved_at = a.created_at, resolution = 'cause_gone'
  where not a.is_resolved and exists (
    select from inventory_alerts n
    where (n.system_id, n.alert_type, n.cause) = (a.system_id, a.alert_type, a.cause) and not n.is_resolved
      and (n.created_at, n.id) > (a.created_at, a.id)
  );
alter table inventory_alerts alter column cause set not null;

create unique index inventory_alerts_one_open on inventory_alerts (system_id, alert_type, cause) where not is_resolved;
create index inventory_alerts_accepted on inventory_alerts (system_id) where resolution = 'accepted';
create index inventory_alerts_recent on inventory_alerts (created_at desc, id desc);

-- What a system's newest inventory says is installed, and the review under which it was last judged.
create table system_products (
  system_id uuid primary key references systems on delete cascade,
  installed jsonb not null,         -- [[product, instance, version], …]
  review bigint not null default 0
);

create index system_products_by_review on system_products (review);

-- One row: the policy that every system is to be judged by. A new policy is a new review.
create table alert_review (
  is_only boolean primary key default true check (is_only),
  review bigint not null default 0,
  fingerprint text not null default '',
  most_common jsonb not null default '{}',  -- version by type of system
  new_systems_since timestamptz,            -- null while nobody asks for alerts on new systems
  -- Systems whose inventories came before this table was kept are looked at in the order of their ids; null when all were.
  listed_to uuid default '00000000-0000-0000-0000-000000000000'
);
insert into alert_review default values;

create index systems_by_type_version on systems (type, version);
create index systems_by_registration on systems (registered_at);

-- Health looks at 7 days of one system's significant changes.
create index inventory_diffs_significant on inventory_diffs (system_id, detected_at) where significant;

-- When a system was suspended: time that says nothing about its heartbeats.
create table system_suspensions (
  system_id uuid not null references systems on delete cascade,
  suspended_at timestamptz not null,
  resumed_at timestamptz,
  primary key (system_id, suspended_at)
);

insert into system_suspensions (system_id, suspended_at) select id, suspended_at from systems where suspended_at is not null;
