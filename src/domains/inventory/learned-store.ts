// SQL of what is learned about noise.
import type { Queryable } from "../../ports/database.ts";
import type { Counts } from "./learned-counts.ts";

export type Pin = "fold" | "show";

export interface NoiseRow {
  path: string;
  observed: number;
  changed: number;
  /** Systems in which it changed; counted up to 64. */
  systems: number;
  learned: boolean;
  learned_at: Date | null;
  pin: Pin | null;
  pinned_at: Date | null;
  last_changed_at: Date | null;
}

export async function listNoise(db: Queryable): Promise<NoiseRow[]> {
  return db.query(
    `select path, observed, changed, system_count as systems, learned, learned_at, pin, pinned_at, last_changed_at
     from inventory_noise order by path`,
    [],
    { name: "list-noise" },
  );
}

export async function insertNoise(db: Queryable, paths: string[]): Promise<void> {
  await db.query(
    `insert into inventory_noise (path) select path from unnest($1::text[]) as t (path) order by path on conflict do nothing`,
    [paths],
  );
}

export type CountsRow = Counts & { path: string; learned: boolean };

/** In the order of paths, so that processes that count the same ones wait for each other instead of for ever. */
export async function lockNoise(db: Queryable, paths: string[]): Promise<CountsRow[]> {
  return db.query(
    `select path, observed, changed, systems, learned from inventory_noise where path = any($1::text[]) order by path for update`,
    [paths],
    { name: "lock-noise" },
  );
}

export async function updateNoise(
  db: Queryable,
  rows: (CountsRow & { hasChanged: boolean })[],
  now: Date,
): Promise<void> {
  await db.query(
    `update inventory_noise n set observed = t.observed, changed = t.changed, systems = t.systems::jsonb,
       system_count = t.system_count, learned = t.learned,
       learned_at = case when not t.learned then null when n.learned then n.learned_at else $8::timestamptz end,
       last_changed_at = case when t.has_changed then $8::timestamptz else n.last_changed_at end
     from unnest($1::text[], $2::float8[], $3::float8[], $4::text[], $5::integer[], $6::boolean[], $7::boolean[])
       as t (path, observed, changed, systems, system_count, learned, has_changed)
     where n.path = t.path`,
    [
      rows.map((row) => row.path),
      rows.map((row) => row.observed),
      rows.map((row) => row.changed),
      rows.map((row) => JSON.stringify(row.systems)),
      rows.map((row) => Object.keys(row.systems).length),
      rows.map((row) => row.learned),
      rows.map((row) => row.hasChanged),
      now,
    ],
    { name: "update-noise" },
  );
}

/** Beyond `maxPaths` those go that came up on the fewest systems, the longest ago. */
export async function deleteExcessNoise(db: Queryable, maxPaths: number): Promise<void> {
  await db.query(
    `delete from inventory_noise where path in (
       select path from inventory_noise where pin is null
       order by learned, system_count, last_changed_at nulls first, path
       limit greatest(0, (select count(*) from inventory_noise) - $1)
     )`,
    [maxPaths],
  );
}

export async function pinNoise(db: Queryable, path: string, pin: Pin | null, now: Date): Promise<void> {
  await db.query(
    `insert into inventory_noise (path, pin, pinned_at) values ($1, $2, case when $2::text is null then null else $3::timestamptz end)
     on conflict (path) do update set pin = excluded.pin, pinned_at = excluded.pinned_at`,
    [path, pin, now],
  );
}
