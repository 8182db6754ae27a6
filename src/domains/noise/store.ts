// Stores what is learned about noise: on which days places changed in which systems, what follows from it, and pins.
import type { Queryable } from "../../ports/database.ts";

export type Pin = "fold" | "show";

/** A place that changed in a system, and when. */
export interface Sighting {
  systemId: string;
  path: string;
  /** `2026-11-24` */
  day: string;
}

/** Most places of one system; further ones, which an appliance may make up, are ignored. */
const MAX_PATHS_PER_SYSTEM = 200;
/** Most systems of one organization that are counted; more would teach nothing new. */
const MAX_SYSTEMS = 2_000;

/**
 * Sets the days' bits, in the order of the keys, so that two processes with the same systems cannot deadlock. A place may have
 * changed on several days: around midnight, and in an import.
 */
export async function saveSightings(db: Queryable, sightings: readonly Sighting[]): Promise<void> {
  await db.query(
    `with dated as (
       select t.system_id, t.path, t.day, max(t.day) over (partition by t.system_id, t.path) as last_day
       from unnest($1::uuid[], $2::text[], $3::date[]) as t (system_id, path, day)
     ), told as (
       select system_id, path, last_day, bit_or(1::bigint << least(last_day - day, 32)) & 4294967295 as days,
         row_number() over (partition by system_id order by path) as number
       from dated group by system_id, path, last_day
     ), held as (
       select d.system_id, count(*) as paths from inventory_noise_days d
       where d.system_id in (select system_id from told) group by 1
     )
     insert into inventory_noise_days as d (system_id, path, days, last_day)
     select t.system_id, t.path, t.days, t.last_day from told t
     join systems s on s.id = t.system_id
     left join held h on h.system_id = t.system_id
     where coalesce(h.paths, 0) + t.number <= $4
       or exists (select from inventory_noise_days o where o.system_id = t.system_id and o.path = t.path)
     order by t.system_id, t.path
     on conflict (system_id, path) do update set
       days = case when excluded.last_day >= d.last_day
         then ((d.days << least(excluded.last_day - d.last_day, 31)) | excluded.days) & 4294967295
         else (d.days | (excluded.days << least(d.last_day - excluded.last_day, 32))) & 4294967295 end,
       last_day = greatest(d.last_day, excluded.last_day)
     where excluded.last_day > d.last_day
       or (excluded.days << least(d.last_day - excluded.last_day, 32)) & 4294967295 & ~d.days <> 0`,
    [
      sightings.map((one) => one.systemId),
      sightings.map((one) => one.path),
      sightings.map((one) => one.day),
      MAX_PATHS_PER_SYSTEM,
    ],
    { name: "save-noise-sightings" },
  );
}

/** Organizations after the given one, with how many of their systems are asked. */
export async function listOrganizations(
  db: Queryable,
  after: string,
  limit: number,
): Promise<{ id: string; systems: number }[]> {
  return db.query(
    `select organization_id as id, least(count(*), $3)::integer as systems from systems
     where organization_id > $1 group by 1 order by 1 limit $2`,
    [after, limit, MAX_SYSTEMS],
  );
}

/** What makes a place noise for an organization; docs/noise.md says why. */
export interface Thresholds {
  /** Days of the last seven on which a system changes steadily, and on which one still does. */
  steadyDays: number;
  lastingDays: number;
  systems: number;
}

/**
 * Counts anew what these organizations' systems say. A place is learned when enough systems, and most of those in which it
 * changes at all, change steadily; it is forgotten when they do not last.
 */
export async function learn(
  db: Queryable,
  organizationIds: string[],
  { steadyDays, lastingDays, systems }: Thresholds,
  now: Date,
): Promise<void> {
  await db.query(
    `with counted as (
       select o.id as organization_id, d.path, count(*) as systems, max(d.last_day) as last_day, avg(week.days) / 7 as rate,
         count(*) filter (where week.days >= $3) as steady, count(*) filter (where week.days >= $4) as lasting
       from unnest($1::text[]) as o (id)
       cross join lateral (select s.id from systems s where s.organization_id = o.id order by s.id limit $6) s
       join inventory_noise_days d on d.system_id = s.id
       cross join lateral (
         select bit_count(((d.days << greatest(0, ($2::timestamptz at time zone 'UTC')::date - d.last_day)) & 127)::bit(64)) as days
       ) week
       where d.last_day > ($2::timestamptz at time zone 'UTC')::date - 14
       group by 1, 2
     ), gone as (
       delete from inventory_noise_places p where p.organization_id = any($1)
         and not exists (select from counted c where c.organization_id = p.organization_id and c.path = p.path)
     ), judged as (
       select c.*, p.learned_at,
         case when p.learned then lasting >= $5 and lasting * 2 > c.systems else c.steady >= $5 and c.steady * 2 > c.systems end as learned
       from counted c left join inventory_noise_places p using (organization_id, path)
     )
     insert into inventory_noise_places (organization_id, path, systems, steady, rate, last_day, learned, learned_at)
     select organization_id, path, systems, steady, rate, last_day, learned, case when learned then coalesce(learned_at, $2) end
     from judged order by 1, 2
     on conflict (organization_id, path) do update set systems = excluded.systems, steady = excluded.steady, rate = excluded.rate,
       last_day = excluded.last_day, learned = excluded.learned, learned_at = excluded.learned_at`,
    [organizationIds, now, steadyDays, lastingDays, systems, MAX_SYSTEMS],
  );
}

/** Deletes days that no longer count, and the places of organizations without a system. */
export async function deleteOldNoise(db: Queryable, now: Date): Promise<void> {
  await db.query(`delete from inventory_noise_days where last_day < ($1::timestamptz at time zone 'UTC')::date - 31`, [
    now,
  ]);
  await db.query(
    `delete from inventory_noise_places p
     where not exists (select from systems s where s.organization_id = p.organization_id)`,
  );
}

export async function findOrganizations(db: Queryable, systemIds: string[]): Promise<Map<string, string>> {
  const rows = await db.query<{ id: string; organizationId: string }>(
    `select id, organization_id as "organizationId" from systems where id = any($1::uuid[])`,
    [systemIds],
    { name: "find-noise-organizations" },
  );
  return new Map(rows.map((row) => [row.id, row.organizationId]));
}

export async function findLearned(
  db: Queryable,
  organizationIds: string[],
): Promise<{ organizationId: string; path: string; rate: number }[]> {
  return db.query(
    `select organization_id as "organizationId", path, rate from inventory_noise_places
     where organization_id = any($1::text[]) and learned`,
    [organizationIds],
    { name: "find-learned-noise" },
  );
}

export async function findPins(db: Queryable): Promise<Map<string, Pin>> {
  const rows = await db.query<{ path: string; pin: Pin }>(`select path, pin from inventory_noise_pins`, [], {
    name: "find-noise-pins",
  });
  return new Map(rows.map((row) => [row.path, row.pin]));
}

export interface NoiseRow {
  path: string;
  rate: number;
  organizations: number;
  systems: number;
  learned_by: number;
  learned_at: Date | null;
  last_changed_on: string | null;
  pin: Pin | null;
  pinned_at: Date | null;
}

/** Pinned places and those that changed lately, most often changing first; of one organization where one is named. */
export async function listNoise(
  db: Queryable,
  { organization, path, limit }: { organization?: string | undefined; path?: string; limit: number },
): Promise<NoiseRow[]> {
  return db.query(
    `select path, coalesce(n.rate, 0)::float8 as rate, coalesce(organizations, 0) as organizations, coalesce(systems, 0) as systems,
       coalesce(learned_by, 0) as learned_by, learned_at, last_changed_on, pin, pinned_at
     from (
       select path, sum(rate * systems) / sum(systems) as rate, count(*)::integer as organizations, sum(systems)::integer as systems,
         (count(*) filter (where learned))::integer as learned_by, min(learned_at) as learned_at,
         to_char(max(last_day), 'YYYY-MM-DD') as last_changed_on
       from inventory_noise_places where $1::text is null or organization_id = $1 group by path
     ) n full join inventory_noise_pins using (path)
     where $2::text is null or path = $2
     order by coalesce(n.rate, 0) desc, path limit $3`,
    [organization ?? null, path ?? null, limit],
  );
}

export async function savePin(db: Queryable, path: string, pin: Pin, now: Date): Promise<void> {
  await db.query(
    `insert into inventory_noise_pins (path, pin, pinned_at) values ($1, $2, $3)
     on conflict (path) do update set pin = excluded.pin, pinned_at = excluded.pinned_at`,
    [path, pin, now],
  );
}

export async function deletePin(db: Queryable, path: string): Promise<void> {
  await db.query(`delete from inventory_noise_pins where path = $1`, [path]);
}
