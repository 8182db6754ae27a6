// SQL that reads the facts: which paths, which values, who holds them.
import type { Queryable } from "../../ports/database.ts";
import type { Condition } from "./conditions.ts";
import { readHashes } from "./hashes.ts";
import type { PathPattern } from "./path.ts";
import type { Filters } from "./schema.ts";

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

/** Beyond every text that begins so, as bytes compare: no UTF-8 text has a character above U+10FFFF. */
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

export interface FoundSystem {
  no: number;
  system_id: string;
  system_key: string;
  name: string;
}

/** A page in the order in which systems first sent an inventory, and how many there are in all. */
export async function searchSystems(
  db: Queryable,
  conditions: Condition[],
  filters: Filters,
  { limit, after }: { limit: number; after: number },
): Promise<{ total: number; systems: FoundSystem[] }> {
  const statement = matchedSystems(conditions, filters);
  const [afterAt, limitAt] = [statement.values.push(after), statement.values.push(limit)];
  const rows = await db.query<{ total: number; no: number | null } & Omit<FoundSystem, "no">>(
    `with matched as materialized (${statement.text}), page as (
       select system_no, system_id from matched where system_no > $${afterAt} order by system_no limit $${limitAt}
     )
     select t.total, p.system_no as no, s.id as system_id, s.system_key, s.name
     from (select count(*)::integer as total from matched) t
     left join (page p join systems s on s.id = p.system_id) on true order by p.system_no`,
    statement.values,
  );
  const systems = rows.flatMap(({ total, no, ...system }) => (no === null ? [] : [{ no, ...system }]));
  return { total: rows[0]?.total ?? 0, systems };
}

/** A fact that a condition asks for. */
export interface AskedFact {
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

/** Everything these systems hold, as hashes. */
export async function findHashes(db: Queryable, systemNos: number[]): Promise<Map<number, Float64Array>> {
  const rows = await db.query<{ no: number; facts: Buffer }>(
    `select system_no as no, facts from fleet_systems where system_no = any($1::integer[])`,
    [systemNos],
  );
  return new Map(rows.map(({ no, facts }) => [no, readHashes(facts)]));
}

/** What these systems hold at these paths, where the paths have too many values to go by those. */
export async function findHeld(
  db: Queryable,
  systemNos: number[],
  pathIds: number[],
): Promise<{ no: number; path: string; value: string }[]> {
  return db.query(
    `select h.system_no as no, p.path, f.value
     from (select fact_id, system_no from fleet_holders where path_id = any($2::integer[]) and system_no = any($1::integer[])) h
     join fleet_facts f on f.id = h.fact_id join fleet_paths p on p.id = f.path_id`,
    [systemNos, pathIds],
  );
}

export interface FacetRow {
  value: string;
  count: number;
}

/** Most common first, with the number of different values in all. */
export async function countValues(
  db: Queryable,
  pathIds: number[],
  conditions: Condition[],
  filters: Filters,
  limit: number,
): Promise<{ values: FacetRow[]; different: number; holding: number; asked: number }> {
  const statement = matchedSystems(conditions, filters);
  const [pathsAt, limitAt] = [statement.values.push(pathIds), statement.values.push(limit)];
  const [row] = await db.query<{ values: FacetRow[]; different: number; holding: number; asked: number }>(
    `with matched as materialized (${statement.text}), held as materialized (
       select h.fact_id, h.system_no from fleet_holders h join matched m on m.system_no = h.system_no
       where h.path_id = any($${pathsAt}::integer[])
     ), facts as (
       select fact_id, count(*)::integer as count from held group by fact_id
     ), counted as materialized (
       ${
         pathIds.length === 1
           ? "select f.value, sum(c.count)::integer as count from facts c join fleet_facts f on f.id = c.fact_id group by f.value"
           : "select f.value, count(distinct h.system_no)::integer as count from held h join fleet_facts f on f.id = h.fact_id group by f.value"
       }
     ), shown as (
       select * from counted order by count desc, value limit $${limitAt}
     )
     select (select count(*)::integer from matched) as asked, (select count(distinct system_no)::integer from held) as holding,
       (select count(*)::integer from counted) as different,
       coalesce((select json_agg(json_build_object('value', value, 'count', count) order by count desc, value) from shown), '[]') as values`,
    statement.values,
  );
  return row ?? { values: [], different: 0, holding: 0, asked: 0 };
}

/** The statement that gives the numbers of the systems that meet every condition. Nothing but parameters comes from outside. */
function matchedSystems(conditions: Condition[], { status, type, organization }: Filters) {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const wheres = conditions.map(({ pathIds, factIds, sense }) => {
    const paths = `h.path_id = any(${parameter(pathIds)}::integer[])`;
    const facts =
      factIds === null
        ? ""
        : ` and ${sense === "others than them" ? "not " : ""}h.fact_id = any(${parameter(factIds)}::integer[])`;
    if (sense === "none at all")
      return `not exists (select from fleet_holders h where h.system_no = f.system_no and ${paths})`;
    return `f.system_no in (select h.system_no from fleet_holders h where ${paths}${facts})`;
  });
  if (type !== undefined) wheres.push(`f.type = ${parameter(type)}`);
  if (status !== undefined)
    wheres.push(`(case when s.suspended_at is not null then 'suspended' else s.status end) = ${parameter(status)}`);
  if (organization !== undefined) wheres.push(`s.organization_id = ${parameter(organization)}`);
  const needsSystems = status !== undefined || organization !== undefined;
  const text = `select f.system_no, f.system_id from fleet_systems f ${needsSystems ? "join systems s on s.id = f.system_id" : ""}
    ${wheres.length > 0 ? `where ${wheres.join(" and ")}` : ""}`;
  return { text, values };
}

export interface PathRow {
  path: string;
  example: string;
}

/** Paths that somebody holds, in order. */
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
