-- How often each place of inventories changes over the fleet; what changes in most snapshots is folded as state.

create table inventory_noise (
  path text primary key,                         -- `[]` any element, `*` any key that differs by installation
  observed double precision not null default 0,  -- compared snapshots that had the place; both counts fade together
  changed double precision not null default 0,   -- those in which it changed
  systems jsonb not null default '{}',           -- of the first systems in which it changed: a mark, and how often, up to a few
  system_count integer not null default 0,
  learned boolean not null default false,
  learned_at timestamptz,
  pin text check (pin in ('fold', 'show')),
  pinned_at timestamptz,
  last_changed_at timestamptz
);

-- Why a change that is not significant is not; null for significant ones.
alter table inventory_diffs add column folded text check (folded in ('rule', 'partial', 'learned', 'pinned'));
