-- What was brought from the database of the service that Muster replaces.

-- How far the records of each system were brought: everything up to this id, and everything seen there until this time.
create table import_progress (
  system_id uuid primary key references systems on delete cascade,
  last_record_id bigint not null,
  last_change_id bigint not null,
  seen_until timestamptz not null
);

-- Changes whose documents were gone before they could be brought. They are no link of a chain, so they stand apart from inventory_diffs.
create table former_changes (
  system_id uuid not null references systems on delete cascade,
  former_id bigint not null,
  field_path text not null,
  change_type text not null check (change_type in ('create', 'update', 'delete')),
  category text,
  severity text not null,
  previous_value jsonb,
  current_value jsonb,
  detected_at timestamptz not null,
  primary key (system_id, former_id)
);
create index former_changes_by_time on former_changes (system_id, detected_at desc);
