// SQL that reads the facts: which paths, which values, who holds them.
import type { Queryable } from "../../ports/database.ts";
import type { Condition } from "./conditions.ts";
import { readHashes, readNumbers } from "../facts/hashes.ts";
import type { PathPattern } from "./language/path.ts";
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

/** Numbers of the systems that hold one of the facts, or any of the paths where none is named. Some come more than once. */
export async function findHolders(db: Queryable, { pathIds, factIds, sense }: Condition): Promise<Int32Array> {
  const facts = factIds === null ? "" : `and ${sense === "others than them" ? "not " : ""}fact_id = any($2::integer[])`;
  const [row] = await db.query<{ numbers: Buffer | null }>(
    `select string_agg(int4send(system_no), '') as numbers from fleet_holders where path_id = any($1::integer[]) ${facts}`,
    factIds === null ? [pathIds] : [pathIds, factIds],
  );
  return readNumbers(row?.numbers ?? null);
}

/** Numbers of the systems that pass the filters. */
export async function findFiltered(db: Queryable, { status, type, organization }: Filters): Promise<Int32Array> {
  const values: string[] = [];
  const wheres: string[] = [];
  if (type !== undefined) wheres.push(`f.type = $${values.push(type)}`);
  if (status !== undefined)
    wheres.push(`(case when s.suspended_at is not null then 'suspended' else s.status end) = $${values.push(status)}`);
  if (organization !== undefined) wheres.push(`s.organization_id = $${values.push(organization)}`);
  const join = status !== undefined || organization !== undefined ? "join systems s on s.id = f.system_id" : "";
  const [row] = await db.query<{ numbers: Buffer | null }>(
    `select string_agg(int4send(f.system_no), '') as numbers from fleet_systems f ${join}
     ${wheres.length > 0 ? `where ${wheres.join(" and ")}` : ""}`,
    values,
  );
  return readNumbers(row?.numbers ?? null);
}

export interface FoundSystem {
  no: number;
  system_id: string;
  system_key: string;
  name: string;
}

export async function findSystems(db: Queryable, systemNos: number[]): Promise<FoundSystem[]> {
  return db.query(
    `select f.system_no as no, s.id as system_id, s.system_key, s.name
     from fleet_systems f join systems s on s.id = f.system_id where f.system_no = any($1::integer[]) order by f.system_no`,
    [systemNos],
  );
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

/** Who holds which fact of the paths: pairs of a fact's and a system's number, by fact. */
export async function findHolderPairs(db: Queryable, pathIds: number[]): Promise<Int32Array> {
  const [row] = await db.query<{ numbers: Buffer | null }>(
    `select string_agg(int8send((fact_id::bigint << 32) | system_no), '') as numbers
     from (select fact_id, system_no from fleet_holders where path_id = any($1::integer[]) order by path_id, fact_id) h`,
    [pathIds],
  );
  return readNumbers(row?.numbers ?? null);
}

export interface FacetRow {
  value: string;
  count: number;
}

/** Counts by fact become counts by value, most common first; `different` is how many values there are in all. */
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
