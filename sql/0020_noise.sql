-- What an organization's own systems teach about noise, day by day; an operator's pins hold for all.

create table inventory_noise_days (
  system_id uuid not null references systems on delete cascade,
  path text not null,              -- `[]` any element, `*` any key that differs by installation
  days bigint not null,            -- bit n: it changed n days before last_day
  last_day date not null,          -- UTC, by the receive time of the inventories
  primary key (system_id, path)
);

create table inventory_noise_places (
  organization_id text not null,
  path text not null,
  systems integer not null,        -- in which it changed within two weeks
  steady integer not null,         -- in which it changed on most days of the last one
  rate real not null,              -- of those systems and the days of the last week, the share on which it changed
  last_day date not null,
  learned boolean not null,
  learned_at timestamptz,
  primary key (organization_id, path)
);

create table inventory_noise_pins (
  path text primary key,
  pin text not null check (pin in ('fold', 'show')),
  pinned_at timestamptz not null
);

insert into inventory_noise_pins select path, pin, coalesce(pinned_at, now()) from inventory_noise where pin is not null;
drop table inventory_noise;
