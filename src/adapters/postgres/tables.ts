// Lists what a database holds: its tables in the order in which they can be filled, and its sequences.
import type { PostgresQueryable } from "./database.ts";

export interface Table {
  name: string;
  /** Columns, without generated ones. */
  columns: string[];
}

export interface SequenceState {
  name: string;
  /** As text: a bigint. */
  last_value: string;
  is_called: boolean;
}

const OURS = `c.relnamespace = current_schema()::regnamespace and not exists (
  select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')`;

/** Tables that others refer to come first. */
export async function listTables(db: PostgresQueryable): Promise<Table[]> {
  const rows = await db.query<Table & { refers: string[] }>(
    `select c.relname as name,
       array(select a.attname::text from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum) as columns,
       array(select distinct r.relname::text from pg_constraint f join pg_class r on r.oid = f.confrelid
             where f.conrelid = c.oid and f.contype = 'f' and r.oid <> c.oid) as refers
     from pg_class c where c.relkind = 'r' and ${OURS} order by c.relname collate "C"`,
  );
  const ordered: Table[] = [];
  const waiting = new Map(rows.map((row) => [row.name, row]));
  while (waiting.size > 0) {
    const next = [...waiting.values()].find((row) => !row.refers.some((name) => waiting.has(name)));
    if (!next) throw new Error(`These tables refer to one another in a circle: ${[...waiting.keys()].join(", ")}.`);
    waiting.delete(next.name);
    ordered.push({ name: next.name, columns: next.columns });
  }
  return ordered;
}

/** Estimate of all rows, from PostgreSQL's last statistics. */
export async function estimateRows(db: PostgresQueryable): Promise<number> {
  const [row] = await db.query<{ rows: number }>(
    `select coalesce(sum(greatest(c.reltuples, 0)), 0)::float8 as rows from pg_class c where c.relkind = 'r' and ${OURS}`,
  );
  return row?.rows ?? 0;
}

export async function listSequences(db: PostgresQueryable): Promise<SequenceState[]> {
  const names = await db.query<{ name: string }>(
    `select c.relname as name from pg_class c where c.relkind = 'S' and ${OURS} order by c.relname collate "C"`,
  );
  const states: SequenceState[] = [];
  for (const { name } of names) {
    const [row] = await db.query<Omit<SequenceState, "name">>(
      `select last_value::text as last_value, is_called from ${quoteName(name)}`,
    );
    if (row) states.push({ name, ...row });
  }
  return states;
}

export async function setSequence(db: PostgresQueryable, { name, last_value, is_called }: SequenceState) {
  await db.query(`select setval($1::regclass, $2::bigint, $3)`, [quoteName(name), last_value, is_called]);
}

/** A dump already holds the rows that triggers would add. */
export async function switchTriggers(db: PostgresQueryable, table: string, state: "enable" | "disable") {
  await db.query(`alter table ${quoteName(table)} ${state} trigger user`);
}

export const copyOutOf = ({ name, columns }: Table) => `copy ${quoteName(name)} (${columns.map(quoteName)}) to stdout`;
export const copyInto = ({ name, columns }: Table) => `copy ${quoteName(name)} (${columns.map(quoteName)}) from stdin`;

export const quoteName = (name: string) => `"${name.replaceAll('"', '""')}"`;
