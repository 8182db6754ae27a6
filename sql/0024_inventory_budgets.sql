-- Bytes of history that inventories added, by day: of each system, and of each organization together.

create table inventory_budgets (
  owner text not null,          -- a system's id, or 'organization ' and an organization's
  day date not null,            -- UTC
  bytes bigint not null,        -- documents as received, and the values of what changed
  primary key (owner, day)
) with (fillfactor = 70);
