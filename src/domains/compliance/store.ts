// SQL of alerts with a cause: what is judged, what is open, and the review that everything is judged under.
import type { Queryable } from "../../ports/database.ts";
import type { Installed } from "./products.ts";

/** The review in force. Its number is below that of the next one and above 0. */
export interface Review {
  review: number;
  fingerprint: string;
  mostCommon: Record<string, string>;
  newSystemsSince: Date | null;
  /** How far the systems were gone through whose inventories came before their products were kept; null at the end. */
  listedTo: string | null;
}

const REVIEW = `review, fingerprint, most_common as "mostCommon", new_systems_since as "newSystemsSince", listed_to as "listedTo" from alert_review`;

export async function findReview(db: Queryable): Promise<Review> {
  return theOnly(await db.query<Review>(`select ${REVIEW}`, [], { name: "find-review" }));
}

/** Keeps other reviewers out until the transaction ends. */
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

/** Newest records of systems, in the order of ids, of which it is not kept what is installed. */
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

/** How many systems of these types have which version; an index scan over the systems, never over inventories. */
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

/** Serialises all who judge these systems. Those that still exist. */
export async function lockSystems(db: Queryable, systemIds: readonly string[]): Promise<void> {
  await db.query(`select from systems where id = any($1::uuid[]) order by id for no key update`, [systemIds], {
    name: "lock-judged-systems",
  });
}

type InstalledRow = [product: string, instance: string, version: string];

export interface Products {
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

/** `review` 0: not judged yet. */
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

export interface Judged extends Products {
  type: string | null;
  version: string | null;
}

export async function findJudged(db: Queryable, systemIds: readonly string[]): Promise<Judged[]> {
  const rows = await db.query<Omit<Judged, "installed"> & { installed: InstalledRow[] }>(
    `select s.id as "systemId", lower(s.type) as type, s.version, p.installed
     from systems s join system_products p on p.system_id = s.id where s.id = any($1::uuid[])`,
    [systemIds],
    { name: "find-judged" },
  );
  return rows.map((row) => ({ ...row, installed: row.installed.map(readInstalled) }));
}

const readInstalled = ([product, instance, version]: InstalledRow): Installed => ({ product, instance, version });

/** Systems that were last judged under an earlier review. */
export async function findUnjudged(db: Queryable, review: number, limit: number): Promise<string[]> {
  const rows = await db.query<{ systemId: string }>(
    `select system_id as "systemId" from system_products where review < $1 order by review, system_id limit $2`,
    [review, limit],
  );
  return rows.map((row) => row.systemId);
}

export async function markJudged(db: Queryable, systemIds: readonly string[], review: number): Promise<void> {
  await db.query(`update system_products set review = $2 where system_id = any($1::uuid[]) and review < $2`, [
    systemIds,
    review,
  ]);
}

export interface WantedAlert {
  id: string;
  systemId: string;
  alertType: string;
  cause: string;
  severity: string;
  message: string;
}

/**
 * Brings the version and advisory alerts of these systems in step with what is wanted: opens, rewords, resolves. What an
 * operator accepted stays accepted while its cause lasts. Repeating it changes nothing.
 */
export async function reconcileAlerts(
  db: Queryable,
  systemIds: readonly string[],
  wanted: readonly WantedAlert[],
  now: Date,
): Promise<void> {
  await db.query(
    `with wanted as (
       select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])
         as t (id, system_id, alert_type, cause, severity, message)
     ), gone as (
       select a.id, a.is_resolved from inventory_alerts a
       where a.system_id = any($7::uuid[]) and a.alert_type in ('version', 'advisory')
         and (not a.is_resolved or a.resolution = 'accepted')
         and not exists (
           select from wanted w where (w.system_id, w.alert_type, w.cause) = (a.system_id, a.alert_type, a.cause)
         )
     ), resolved as (
       update inventory_alerts a set
         is_resolved = true, resolved_at = coalesce(a.resolved_at, $8),
         resolution = case when g.is_resolved then 'operator' else 'cause_gone' end
       from gone g where g.id = a.id
     )
     insert into inventory_alerts as open (id, system_id, alert_type, cause, severity, message, created_at)
     select w.id, w.system_id, w.alert_type, w.cause, w.severity, w.message, $8 from wanted w
     where not exists (
       select from inventory_alerts a
       where (a.system_id, a.alert_type, a.cause) = (w.system_id, w.alert_type, w.cause) and a.resolution = 'accepted'
     )
     on conflict (system_id, alert_type, cause) where not is_resolved
     do update set message = excluded.message, severity = excluded.severity
     where (open.message, open.severity) is distinct from (excluded.message, excluded.severity)`,
    [
      wanted.map((one) => one.id),
      wanted.map((one) => one.systemId),
      wanted.map((one) => one.alertType),
      wanted.map((one) => one.cause),
      wanted.map((one) => one.severity),
      wanted.map((one) => one.message),
      systemIds,
      now,
    ],
    { name: "reconcile-alerts" },
  );
}

/** An alert for each registration since then that has none. Registering again is another cause. */
export async function insertNewSystemAlerts(
  db: Queryable,
  { since, severity, now, limit }: { since: Date; severity: string; now: Date; limit: number },
): Promise<number> {
  const rows = await db.query(
    `insert into inventory_alerts (id, system_id, alert_type, cause, severity, message, created_at)
     select gen_random_uuid(), s.id, 'new_system', r.cause, $2, 'new system: ' || s.name || ' (' || s.system_key || ') registered', $3
     from systems s cross join lateral (select ${REGISTRATION} as cause) r
     where s.registered_at >= $1 and not exists (
       select from inventory_alerts a where a.system_id = s.id and a.alert_type = 'new_system' and a.cause = r.cause
     )
     limit $4
     on conflict do nothing returning id`,
    [since, severity, now, limit],
  );
  return rows.length;
}

const REGISTRATION = `'registered ' || to_char(s.registered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** Of systems that are no longer registered as they were when the alert was made. */
export async function resolveUnregistered(db: Queryable, now: Date): Promise<void> {
  await db.query(
    `update inventory_alerts a set is_resolved = true, resolved_at = $1, resolution = 'cause_gone'
     from systems s
     where s.id = a.system_id and not a.is_resolved and a.alert_type = 'new_system'
       and (s.registered_at is null or a.cause <> ${REGISTRATION})`,
    [now],
  );
}

/** Alerts about an event, not a state, end by themselves. Returns how many of at most `limit`. */
export async function resolveAged(
  db: Queryable,
  { alertType, before, now, limit }: { alertType: "change" | "new_system"; before: Date; now: Date; limit: number },
): Promise<number> {
  const rows = await db.query(
    `update inventory_alerts set is_resolved = true, resolved_at = $3, resolution = 'age'
     where id in (
       select id from inventory_alerts
       where not is_resolved and alert_type = $1 and coalesce(seen_at, created_at) < $2
       order by created_at, id limit $4
     ) and not is_resolved returning id`,
    [alertType, before, now, limit],
  );
  return rows.length;
}
