-- Thinning of old inventories: what must stay, and what is remembered of those that went.

alter table inventory_records add column pinned_at timestamptz;  -- set by an operator: never pruned

-- How many records of a day were pruned, so that the timeline still tells how many came.
create table inventory_pruned_days (
  system_id uuid not null references systems on delete cascade,
  day date not null,                -- UTC, of the receive time
  records integer not null,
  primary key (system_id, day)
);

create index inventory_alerts_resolved on inventory_alerts (resolved_at) where is_resolved;
