// Bounds how much history a system and its organization add in a day; documents of normal size get through even then.
import { tooMany } from "../../../http/edge/throttle.ts";
import type { Limiter } from "../../../ports/limiter.ts";
import type { Queryable } from "../../../ports/database.ts";
import { LARGE_BYTES } from "./document.ts";

export interface Budgets {
  /** Bytes a day, UTC: documents as received, and the values of what changed. */
  perSystem: number;
  perOrganization: number;
}

/** Once the budget is used up, so many documents of at most LARGE_BYTES are still taken: real ones are far smaller. */
const NORMAL_AN_HOUR = { limit: 4, windowMs: 3_600_000 };

/** Rejects with a 429 for a document of so many bytes that the budget has no room for. */
export async function checkBudget(
  { limiter, budgets }: { limiter: Limiter; budgets: Budgets },
  systemId: string,
  size: number,
  { bySystem, byOrganization }: Pick<Standing, "bySystem" | "byOrganization">,
): Promise<void> {
  const over =
    bySystem + size > budgets.perSystem
      ? `this system may add ${inMegabytes(budgets.perSystem)} of inventory history a day`
      : byOrganization + size > budgets.perOrganization
        ? `the systems of this organization may add ${inMegabytes(budgets.perOrganization)} of inventory history a day`
        : undefined;
  if (over === undefined) return;
  const isNormal = size <= LARGE_BYTES;
  if (isNormal && (await limiter.take(`inventory-over:${systemId}`, NORMAL_AN_HOUR)) === 0) return;
  const taken = `only ${NORMAL_AN_HOUR.limit} inventories an hour of up to ${LARGE_BYTES / 1024} KB are taken`;
  throw tooMany({ code: "inventory.budget", sentence: `${over}; until midnight (UTC) ${taken}` });
}

const inMegabytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MB`;

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

/** Adds to one row an owner and day. Rows are locked in the order of their owners, by every writer, so no two can deadlock. */
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
