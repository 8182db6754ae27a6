// Stores what is installed on each system (system_products) and the review under which systems are evaluated (alert_review).
import type { Queryable } from "../../ports/database.ts";
import type { Installed } from "./products.ts";

/** The review in force. Its number grows when the policy or the most common versions change; it is 0 before the first. */
export interface Review {
  review: number;
  fingerprint: string;
  mostCommon: Record<string, string>;
  newSystemsSince: Date | null;
  /** After an upgrade: the last system whose earlier inventory was read for its products; null when all were. */
  listedTo: string | null;
}

const REVIEW = `review, fingerprint, most_common as "mostCommon", new_systems_since as "newSystemsSince", listed_to as "listedTo" from alert_review`;

export async function findReview(db: Queryable): Promise<Review> {
  return theOnly(await db.query<Review>(`select ${REVIEW}`, [], { name: "find-review" }));
}

/** Other reviewers wait until the transaction ends. */
export async function lockReview(db: Queryable): Promise<Review> {
  return theOnly(await db.query<Review>(`select ${REVIEW} for update`));
}

export async function updateReview(
  db: Queryable,
  { review, fingerprint, mostCommon, newSystemsSince }: Review,
): Promise<void> {
  await db.query(
    `update alert_review set review = $1, fingerprint = $2, most_common = $3::jsonb, new_systems_since = $4
     where (review, fingerprint, most_common, new_systems_since) is distinct from ($1, $2, $3::jsonb, $4)`,
    [review, fingerprint, JSON.stringify(mostCommon), newSystemsSince],
  );
}

function theOnly(rows: Review[]): Review {
  const [row] = rows;
  if (!row) throw new Error("the row of alert_review is missing");
  return row;
}

export async function setListedTo(db: Queryable, listedTo: string | null): Promise<void> {
  await db.query(`update alert_review set listed_to = $1`, [listedTo]);
}

/** Newest records of systems without stored products, by system id. */
export async function findUnlisted(
  db: Queryable,
  after: string,
  limit: number,
): Promise<{ systemId: string; recordId: string }[]> {
  return db.query(
    `select s.id as "systemId", r.id as "recordId" from systems s
     cross join lateral (
       select id from inventory_records where system_id = s.id order by received_at desc, id desc limit 1
     ) r
     where s.id > $1 and not exists (select from system_products p where p.system_id = s.id)
     order by s.id limit $2`,
    [after, limit],
  );
}

/** Counts systems of these types by version: an index scan over systems, never over inventories. */
export async function countVersions(
  db: Queryable,
  types: readonly string[],
): Promise<{ type: string; version: string; count: number }[]> {
  return db.query(
    `select type, version, count(*)::integer as count from systems
     where type = any($1::text[]) and version is not null group by type, version`,
    [types],
  );
}

/** Serializes the processes that evaluate these systems. */
export async function lockSystems(db: Queryable, systemIds: readonly string[]): Promise<void> {
  await db.query(`select from systems where id = any($1::uuid[]) order by id for no key update`, [systemIds], {
    name: "lock-systems-to-evaluate",
  });
}

type InstalledRow = [product: string, instance: string, version: string];

interface Products {
  systemId: string;
  installed: Installed[];
}

export async function findInstalled(db: Queryable, systemIds: readonly string[]): Promise<Map<string, Installed[]>> {
  const rows = await db.query<{ systemId: string; installed: InstalledRow[] }>(
    `select system_id as "systemId", installed from system_products where system_id = any($1::uuid[])`,
    [systemIds],
    { name: "find-installed" },
  );
  return new Map(rows.map((row) => [row.systemId, row.installed.map(readInstalled)]));
}

/** `review` 0: not evaluated yet. */
export async function upsertInstalled(db: Queryable, products: readonly Products[], review: number): Promise<void> {
  await db.query(
    `insert into system_products as p (system_id, installed, review)
     select t.system_id, t.installed::jsonb, $3 from unnest($1::uuid[], $2::text[]) as t (system_id, installed)
     join systems s on s.id = t.system_id
     on conflict (system_id) do update set installed = excluded.installed, review = excluded.review
     where (p.installed, p.review) is distinct from (excluded.installed, excluded.review)`,
    [
      products.map((one) => one.systemId),
      products.map((one) => JSON.stringify(one.installed.map((each) => [each.product, each.instance, each.version]))),
      review,
    ],
    { name: "upsert-installed" },
  );
}

/** What a system is evaluated by. */
export interface Inputs extends Products {
  type: string | null;
  version: string | null;
}

export async function findInputs(db: Queryable, systemIds: readonly string[]): Promise<Inputs[]> {
  const rows = await db.query<Omit<Inputs, "installed"> & { installed: InstalledRow[] }>(
    `select s.id as "systemId", lower(s.type) as type, s.version, p.installed
     from systems s join system_products p on p.system_id = s.id where s.id = any($1::uuid[])`,
    [systemIds],
    { name: "find-inputs" },
  );
  return rows.map((row) => ({ ...row, installed: row.installed.map(readInstalled) }));
}

const readInstalled = ([product, instance, version]: InstalledRow): Installed => ({ product, instance, version });

/** Finds systems that were last evaluated under an earlier review. */
export async function findUnevaluated(db: Queryable, review: number, limit: number): Promise<string[]> {
  const rows = await db.query<{ systemId: string }>(
    `select system_id as "systemId" from system_products where review < $1 order by review, system_id limit $2`,
    [review, limit],
  );
  return rows.map((row) => row.systemId);
}

export async function markEvaluated(db: Queryable, systemIds: readonly string[], review: number): Promise<void> {
  await db.query(`update system_products set review = $2 where system_id = any($1::uuid[]) and review < $2`, [
    systemIds,
    review,
  ]);
}
