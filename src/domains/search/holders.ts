// Finds the systems that hold facts, and what they hold. Numbers of systems travel packed, as there may be a hundred thousand.
import type { Queryable } from "../../ports/database.ts";
import { unpackIntegers, unpackLongs } from "../../values/packed.ts";
import type { Filters } from "./schema.ts";

/** What a system must, or must not, hold. */
export interface Holding {
  pathIds: number[];
  /** Null for any fact of the paths. */
  factIds: number[] | null;
  /** How `factIds` is meant. */
  sense: "any of them" | "others than them" | "none at all";
}

/** Numbers of the systems that hold one of the facts or, where none is named, any fact of the paths. Some appear more than once. */
export async function findHolders(db: Queryable, { pathIds, factIds, sense }: Holding): Promise<Int32Array> {
  const facts = factIds === null ? "" : `and ${sense === "others than them" ? "not " : ""}fact_id = any($2::integer[])`;
  const [row] = await db.query<{ numbers: Buffer | null }>(
    `select string_agg(int4send(system_no), '') as numbers from fleet_holders where path_id = any($1::integer[]) ${facts}`,
    factIds === null ? [pathIds] : [pathIds, factIds],
  );
  return unpackIntegers(row?.numbers ?? null);
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
  return unpackIntegers(row?.numbers ?? null);
}

interface FoundSystem {
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

/** Hashes of all facts of these systems. */
export async function findHashes(db: Queryable, systemNos: number[]): Promise<Map<number, Float64Array>> {
  const rows = await db.query<{ no: number; facts: Buffer }>(
    `select system_no as no, facts from fleet_systems where system_no = any($1::integer[])`,
    [systemNos],
  );
  return new Map(rows.map(({ no, facts }) => [no, unpackLongs(facts)]));
}

/** What these systems hold at these paths, where the paths have too many values to go by fact. */
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

/** Pairs of a fact of the paths and a system that holds it, as numbers, ordered by fact. */
export async function findHolderPairs(db: Queryable, pathIds: number[]): Promise<Int32Array> {
  const [row] = await db.query<{ numbers: Buffer | null }>(
    `select string_agg(int8send((fact_id::bigint << 32) | system_no), '') as numbers
     from (select fact_id, system_no from fleet_holders where path_id = any($1::integer[]) order by path_id, fact_id) h`,
    [pathIds],
  );
  return unpackIntegers(row?.numbers ?? null);
}
