-- The fleet's newest inventories, leaf by leaf, for questions across systems; and the order in which changes were committed.

create table fleet_paths (
  id integer generated always as identity primary key,
  path text collate "C" not null unique
);

-- A fact is a path with a value, on systems of one type. However many systems hold it, it is written once.
create table fleet_facts (
  id integer generated always as identity primary key,
  hash bigint not null unique,           -- of type, path and value: 53 bits, made by the gateway
  type text not null,
  path_id integer not null,
  value text collate "C" not null,       -- JSON text
  systems integer not null default 0,    -- how many hold it
  -- Hexadecimal digits of `systems`: indexed in its place, since it seldom changes and so leaves most updates within the page.
  magnitude smallint not null generated always as (length(to_hex(systems))) stored
) with (fillfactor = 80);

create index fleet_facts_by_value on fleet_facts (path_id, value);
create index fleet_facts_by_magnitude on fleet_facts (type, magnitude);

create table fleet_holders (
  path_id integer not null,
  fact_id integer not null,
  system_no integer not null,
  primary key (path_id, fact_id, system_no)
);

-- A system's facts as they were last kept: what a newer inventory is compared with.
create table fleet_systems (
  system_id uuid not null references systems on delete cascade,
  system_no integer generated always as identity unique,
  type text not null,
  facts bytea not null,                  -- hashes, 8 bytes each, big-endian: half the cost of an array to read and write
  truncated boolean not null,            -- more leaves than are kept
  primary key (system_id) include (system_no)
);

-- Hashes do not shrink, so PostgreSQL need not try.
alter table fleet_systems alter column facts set storage external;
create index fleet_systems_by_type on fleet_systems (type, system_no);

-- Erasing a system takes its facts along. Counts are locked in the order in which gateways lock them.
create function forget_fleet_facts() returns trigger language plpgsql as $$
declare
  plain bytea := old.facts || ''::bytea;  -- read from its own table once, not once a hash
  hashes bigint[];
begin
  select array_agg(('x' || encode(substr(plain, at, 8), 'hex'))::bit(64)::bigint) into hashes
    from generate_series(1, length(plain), 8) as at;
  perform 1 from fleet_facts where hash = any(hashes) order by id for no key update;
  delete from fleet_holders h using fleet_facts f
    where f.hash = any(hashes) and h.path_id = f.path_id and h.fact_id = f.id and h.system_no = old.system_no;
  update fleet_facts set systems = systems - 1 where hash = any(hashes);
  return old;
end $$;

create trigger fleet_systems_forgotten before delete on fleet_systems
  for each row execute function forget_fleet_facts();

-- The feed of changes goes by transaction: one that is older than every running one can get no further rows. Numbers of
-- transactions belong to one server; `feed_epoch` grows when the database finds itself on another one.
alter table inventory_diffs
  add column feed_epoch integer not null default 1,
  add column feed_transaction xid8 not null default pg_current_xact_id();

create index inventory_diffs_feed on inventory_diffs (feed_epoch, feed_transaction, id);

-- One row: the server that the current epoch belongs to.
create table feed_epochs (
  epoch integer primary key,
  server text not null
);
