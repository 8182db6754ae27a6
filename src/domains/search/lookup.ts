// Looks up the paths and the values that the facts know, by pattern, by value and by number.
import type { Queryable } from "../../ports/database.ts";
import type { PathPattern } from "./language/path.ts";

export async function findPaths(
  db: Queryable,
  { exact, prefix, regex, regexBelow }: PathPattern,
  below: boolean,
  limit: number,
): Promise<number[]> {
  if (exact !== undefined && !below) {
    const rows = await db.query<{ id: number }>(`select id from fleet_paths where path = $1`, [exact], {
      name: "find-fleet-path",
    });
    return rows.map((row) => row.id);
  }
  const rows = await db.query<{ id: number }>(
    `select id from fleet_paths where path >= $1 and path < $2 and path ~ $3 limit $4`,
    [prefix, endOf(prefix), below ? regexBelow : regex, limit],
  );
  return rows.map((row) => row.id);
}

/** Sorts after every text with this prefix in byte order: no UTF-8 text has a character above U+10FFFF. */
const endOf = (prefix: string) => `${prefix}\u{10ffff}`;

export async function findFactsByValue(db: Queryable, pathIds: number[], values: string[]): Promise<number[]> {
  const rows = await db.query<{ id: number }>(
    `select id from fleet_facts where path_id = any($1::integer[]) and value = any($2::text[])`,
    [pathIds, values],
  );
  return rows.map((row) => row.id);
}

export async function findFacts(
  db: Queryable,
  pathIds: number[],
  limit: number,
): Promise<{ id: number; value: string }[]> {
  return db.query(`select id, value from fleet_facts where path_id = any($1::integer[]) and systems > 0 limit $2`, [
    pathIds,
    limit,
  ]);
}

/** A fact that a condition asks for. */
interface AskedFact {
  id: number;
  hash: number;
  path: string;
  value: string;
}

export async function findAskedFacts(
  db: Queryable,
  { pathIds, factIds }: { pathIds: number[]; factIds: number[] },
  limit: number,
): Promise<AskedFact[]> {
  return db.query(
    `select f.id, f.hash, p.path, f.value
     from (select id from fleet_facts where path_id = any($1::integer[]) union select unnest($2::integer[])) asked
     join fleet_facts f on f.id = asked.id join fleet_paths p on p.id = f.path_id where f.systems > 0 limit $3`,
    [pathIds, factIds, limit],
  );
}

export interface FacetRow {
  value: string;
  count: number;
}

/** Sums counts by fact to counts by value, most common first; `different` is the number of all values. */
export async function sumByValue(
  db: Queryable,
  counts: Map<number, number>,
  limit: number,
): Promise<{ values: FacetRow[]; different: number }> {
  const rows = await db.query<FacetRow & { different: number }>(
    `select f.value, sum(c.count)::integer as count, count(*) over ()::integer as different
     from unnest($1::integer[], $2::integer[]) as c (fact_id, count) join fleet_facts f on f.id = c.fact_id
     group by f.value order by count desc, f.value limit $3`,
    [[...counts.keys()], [...counts.values()], limit],
  );
  return { values: rows.map(({ value, count }) => ({ value, count })), different: rows[0]?.different ?? 0 };
}

/** For each fact of the paths, the first one that has the same value. */
export async function findFirstFacts(
  db: Queryable,
  pathIds: number[],
  factIds: number[],
): Promise<Map<number, number>> {
  const rows = await db.query<{ id: number; first: number }>(
    `select id, min(id) over (partition by value) as first from fleet_facts
     where path_id = any($1::integer[]) and id = any($2::integer[])`,
    [pathIds, factIds],
  );
  return new Map(rows.map(({ id, first }) => [id, first]));
}

interface PathRow {
  path: string;
  example: string;
}

/** Paths that a system holds, in order. */
export async function listPaths(
  db: Queryable,
  search: string | undefined,
  after: string | undefined,
  limit: number,
): Promise<PathRow[]> {
  return db.query(
    `select p.path, f.value as example from fleet_paths p
     cross join lateral (select value from fleet_facts where path_id = p.id and systems > 0 limit 1) f
     where ($1::text is null or strpos(lower(p.path), lower($1)) > 0) and ($2::text is null or p.path > $2)
     order by p.path limit $3`,
    [search ?? null, after ?? null, limit],
  );
}
