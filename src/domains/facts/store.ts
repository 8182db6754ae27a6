// Stores the facts of each system's newest inventory. Locks are taken in one order, so gateways never deadlock.
import type { Queryable } from "../../ports/database.ts";
import type { Fact } from "./flatten.ts";
import { packLongs, unpackLongs } from "../../values/packed.ts";

export interface ProjectedSystem {
  systemId: string;
  type: string;
  /** Null for a system that has no facts yet. */
  systemNo: number | null;
  truncated: boolean | null;
  hashes: Float64Array;
}

/** The caller holds the locks of these systems. */
export async function findProjectedSystems(tx: Queryable, systemIds: string[]): Promise<ProjectedSystem[]> {
  const rows = await tx.query<Omit<ProjectedSystem, "hashes"> & { facts: Buffer | null }>(
    `select s.id as "systemId", coalesce(s.type, '') as type, f.system_no as "systemNo", f.truncated, f.facts
     from systems s left join fleet_systems f on f.system_id = s.id where s.id = any($1::uuid[])`,
    [systemIds],
    { name: "find-projected-systems" },
  );
  return rows.map(({ facts, ...row }) => ({ ...row, hashes: unpackLongs(facts) }));
}

export interface SystemState {
  systemId: string;
  type: string;
  hashes: Float64Array;
  truncated: boolean;
}

/** Returns the numbers of the new systems, by id. */
export async function insertSystems(tx: Queryable, states: SystemState[]): Promise<Map<string, number>> {
  const rows = await tx.query<{ id: string; no: number }>(
    `insert into fleet_systems (system_id, type, facts, truncated)
     select * from unnest($1::uuid[], $2::text[], $3::bytea[], $4::boolean[]) as t (system_id, type, facts, truncated)
     returning system_id as id, system_no as no`,
    stateColumns(states),
    { name: "insert-fleet-systems" },
  );
  return new Map(rows.map(({ id, no }) => [id, no]));
}

export async function updateSystems(tx: Queryable, states: SystemState[]): Promise<void> {
  await tx.query(
    `update fleet_systems f set type = t.type, facts = t.facts, truncated = t.truncated
     from unnest($1::uuid[], $2::text[], $3::bytea[], $4::boolean[]) as t (system_id, type, facts, truncated)
     where f.system_id = t.system_id`,
    stateColumns(states),
    { name: "update-fleet-systems" },
  );
}

const stateColumns = (states: SystemState[]) => [
  states.map((state) => state.systemId),
  states.map((state) => state.type),
  states.map((state) => packLongs(state.hashes)),
  states.map((state) => state.truncated),
];

export interface NewFact extends Fact {
  hash: number;
  type: string;
}

/** Inserts only what is missing: each conflict would use up a number of the sequence. */
export async function insertPaths(tx: Queryable, paths: string[]): Promise<void> {
  await tx.query(
    `insert into fleet_paths (path)
     select t.path from unnest($1::text[]) as t (path)
     where not exists (select from fleet_paths p where p.path = t.path) order by t.path
     on conflict (path) do nothing`,
    [paths],
    { name: "insert-fleet-paths" },
  );
}

export async function insertFacts(tx: Queryable, facts: NewFact[]): Promise<void> {
  await tx.query(
    `insert into fleet_facts (hash, type, path_id, value)
     select t.hash, t.type, p.id, t.value
     from unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) as t (hash, type, path, value)
     join fleet_paths p on p.path = t.path
     where not exists (select from fleet_facts f where f.hash = t.hash) order by t.hash
     on conflict (hash) do nothing`,
    [
      facts.map((fact) => fact.hash),
      facts.map((fact) => fact.type),
      facts.map((fact) => fact.path),
      facts.map((fact) => fact.value),
    ],
    { name: "insert-fleet-facts" },
  );
}

export interface KnownFact {
  id: number;
  hash: number;
  pathId: number;
}

/** Locks the facts until the transaction ends, because their counts change. */
export async function lockFacts(tx: Queryable, hashes: number[]): Promise<Map<number, KnownFact>> {
  const rows = await tx.query<KnownFact>(
    `select id, hash, path_id as "pathId" from fleet_facts where hash = any($1::bigint[]) order by id for no key update`,
    [hashes],
    { name: "lock-fleet-facts" },
  );
  return new Map(rows.map((row) => [row.hash, row]));
}

export interface Holder {
  pathId: number;
  factId: number;
  systemNo: number;
}

export async function insertHolders(tx: Queryable, holders: Holder[]): Promise<void> {
  await tx.query(
    `insert into fleet_holders (path_id, fact_id, system_no)
     select * from unnest($1::integer[], $2::integer[], $3::integer[]) on conflict do nothing`,
    holderColumns(holders),
    { name: "insert-fleet-holders" },
  );
}

export async function deleteHolders(tx: Queryable, holders: Holder[]): Promise<void> {
  await tx.query(
    `delete from fleet_holders h
     using unnest($1::integer[], $2::integer[], $3::integer[]) as t (path_id, fact_id, system_no)
     where h.path_id = t.path_id and h.fact_id = t.fact_id and h.system_no = t.system_no`,
    holderColumns(holders),
    { name: "delete-fleet-holders" },
  );
}

const holderColumns = (holders: Holder[]) => [
  holders.map((holder) => holder.pathId),
  holders.map((holder) => holder.factId),
  holders.map((holder) => holder.systemNo),
];

export async function addCounts(tx: Queryable, counts: [factId: number, delta: number][]): Promise<void> {
  await tx.query(
    `update fleet_facts f set systems = f.systems + t.delta
     from unnest($1::integer[], $2::integer[]) as t (id, delta) where f.id = t.id`,
    [counts.map(([id]) => id), counts.map(([, delta]) => delta)],
    { name: "add-fleet-counts" },
  );
}

/** Facts that no system holds, among the next `span` numbers. */
export async function findUnheldFacts(db: Queryable, after: number, span: number): Promise<number[]> {
  const rows = await db.query<{ id: number }>(
    `select id from fleet_facts where id > $1 and id <= $1::integer + $2::integer and systems = 0`,
    [after, span],
  );
  return rows.map((row) => row.id);
}

export async function findPathsWithoutFacts(db: Queryable, after: number, span: number): Promise<number[]> {
  const rows = await db.query<{ id: number }>(
    `select id from fleet_paths p
     where id > $1 and id <= $1::integer + $2::integer and not exists (select from fleet_facts f where f.path_id = p.id)`,
    [after, span],
  );
  return rows.map((row) => row.id);
}

export async function findLastNumbers(db: Queryable): Promise<{ fact: number; path: number }> {
  const [row] = await db.query<{ fact: number; path: number }>(
    `select coalesce((select max(id) from fleet_facts), 0) as fact, coalesce((select max(id) from fleet_paths), 0) as path`,
  );
  return row ?? { fact: 0, path: 0 };
}

/** Waits for every projection in flight, and lets none begin before the transaction ends. */
export async function lockDictionary(tx: Queryable): Promise<void> {
  await tx.query(`lock table fleet_paths, fleet_facts in share row exclusive mode`);
}

export async function deleteFacts(tx: Queryable, ids: number[]): Promise<void> {
  await tx.query(`delete from fleet_facts where id = any($1::integer[]) and systems = 0`, [ids]);
}

export async function deletePaths(tx: Queryable, ids: number[]): Promise<void> {
  await tx.query(
    `delete from fleet_paths p where id = any($1::integer[]) and not exists (select from fleet_facts f where f.path_id = p.id)`,
    [ids],
  );
}
