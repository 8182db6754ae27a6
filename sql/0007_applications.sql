-- What runs on NS8 clusters, as their newest inventories say.

create table applications (
  id text primary key,              -- <system id>-<module id>
  system_id uuid not null references systems on delete cascade,
  module_id text not null,
  instance_of text not null,
  name text,
  display_name text,
  source text,
  version text,
  node_id integer,
  node_label text,
  is_user_facing boolean not null,
  url text,
  inventory_data json not null,     -- what else the module says; json keeps the text of numbers
  content_hash text not null,       -- of all of the above: an application that stayed the same is not written again
  first_seen_at timestamptz not null,
  updated_at timestamptz not null,  -- when it last changed, went or came back
  deleted_at timestamptz            -- the inventory that no longer had it
) with (fillfactor = 85);

create unique index applications_by_system on applications (system_id, module_id);
create index applications_by_instance on applications (instance_of, system_id) where deleted_at is null;
