// SQL of budgets: what a system's last document was, how much history was added today, and more of it.
import type { Queryable } from "../../../ports/database.ts";

export interface Standing {
  /** Of the newest record; null for a system without one. */
  hash: string | null;
  /** Bytes of that day so far. */
  bySystem: number;
  byOrganization: number;
}

export async function findStanding(db: Queryable, systemId: string, at: Date): Promise<Standing> {
  const [row] = await db.query<Standing>(
    `select
       (select data_hash from inventory_records where system_id = s.id order by received_at desc, id desc limit 1) as hash,
       coalesce(own.bytes, 0) as "bySystem", coalesce(joint.bytes, 0) as "byOrganization"
     from systems s
     left join inventory_budgets own on own.owner = s.id::text and own.day = ${dayOf("$2")}
     left join inventory_budgets joint on joint.owner = ${ORGANIZATION} and joint.day = ${dayOf("$2")}
     where s.id = $1`,
    [systemId, at],
    { name: "find-standing" },
  );
  return row ?? { hash: null, bySystem: 0, byOrganization: 0 };
}

export interface Added {
  systemId: string;
  receivedAt: Date;
  bytes: number;
}

/** One row an owner and day, in the order of the owners: so do all who add, and nobody waits for one who waits for him. */
export async function addHistory(db: Queryable, added: readonly Added[]): Promise<void> {
  if (added.length === 0) return;
  await db.query(
    `insert into inventory_budgets as known (owner, day, bytes)
     select o.owner, ${dayOf("t.received_at")}, sum(t.bytes)
     from unnest($1::uuid[], $2::timestamptz[], $3::bigint[]) as t (system_id, received_at, bytes)
     join systems s on s.id = t.system_id
     cross join lateral (values (s.id::text), (${ORGANIZATION})) as o (owner)
     where o.owner is not null group by 1, 2 order by 1, 2
     on conflict (owner, day) do update set bytes = known.bytes + excluded.bytes`,
    [added.map((one) => one.systemId), added.map((one) => one.receivedAt), added.map((one) => one.bytes)],
    { name: "add-history" },
  );
}

export async function deleteBudgetsBefore(db: Queryable, at: Date): Promise<void> {
  await db.query(`delete from inventory_budgets where day < ${dayOf("$1")}`, [at]);
}

const ORGANIZATION = `'organization ' || s.organization_id`;

function dayOf(time: string): string {
  return `(${time}::timestamptz at time zone 'UTC')::date`;
}
