// Stores the newest state of each alert until Alertmanager has it. Every statement locks rows in the order of their key.
import type { Queryable } from "../../../ports/database.ts";
import type { PostedAlert } from "../upstream/alertmanager.ts";
import type { RefusedAlert } from "../schema.ts";

export interface AlertState {
  /** The system's id, or `organization:<id>` for an alert of a whole organization. */
  subject: string;
  fingerprint: string;
  systemId: string | null;
  tenant: string;
  position: number;
  alert: PostedAlert;
  /** Fired by Muster itself: it never waits behind what the subject posts. */
  isOwn?: boolean;
}

/** A system whose alerts are delivered apart from its tenant's, because Alertmanager refused one of them. */
export interface Suspect {
  tenant: string;
  subject: string;
}

/** The order in which every statement locks rows, whatever the database's collation; JavaScript compares texts the same way. */
const IN_ORDER = `subject collate "C", fingerprint collate "C"`;

/**
 * A newer state replaces an older one, delivered or not; an older one that arrives late changes nothing. What a suspect posts is
 * set apart; alerts that Muster itself fires for it are not. Systems are locked first, as erasing one does. Returns the suspects.
 */
export async function upsertStates(db: Queryable, states: readonly AlertState[], now: Date): Promise<Suspect[]> {
  if (states.length === 0) return [];
  return db.query(
    `with given as (
       select * from jsonb_to_recordset($1::jsonb)
         r(subject text, fingerprint text, "systemId" uuid, tenant text, position bigint, alert jsonb, "isOwn" boolean)
     ), known as (
       select id from systems where id in (select "systemId" from given) order by id for key share
     ), posted as (
       select distinct on (r.subject collate "C", r.fingerprint collate "C")
         r.subject, r.fingerprint, r."systemId", r.tenant, r.position, r.alert, r."isOwn"
       from given r left join known on known.id = r."systemId" where r."systemId" is null or known.id is not null
       order by r.subject collate "C", r.fingerprint collate "C", r.position desc
     ), suspects as (
       select subject from (select distinct subject from posted) p
       where exists (select from alert_outbox b where b.subject = p.subject and b.refused is not null)
         or exists (select from alert_outbox b where b.subject = p.subject and b.apart and b.delivered_position < b.position)
     ), stored as (
       insert into alert_outbox as o (subject, fingerprint, system_id, tenant, position, alert, updated_at, apart)
       select p.subject, p.fingerprint, p."systemId", p.tenant, p.position, p.alert, $2,
         p."isOwn" is not true and p.subject in (select subject from suspects)
       from posted p order by ${IN_ORDER}
       on conflict (subject, fingerprint) do update set tenant = excluded.tenant, position = excluded.position,
         alert = excluded.alert, refused = null, updated_at = excluded.updated_at, apart = excluded.apart
       where o.position < excluded.position
       returning o.subject, o.tenant, o.apart
     )
     select distinct tenant, subject from stored where apart`,
    [JSON.stringify(states), now],
    { name: "upsert-alert-states" },
  );
}

export interface Undelivered {
  subject: string;
  fingerprint: string;
  position: string;
  /** JSON. */
  alert: string;
}

interface GroupLimit {
  count: number;
  bytes: number;
}

/** A tenant's alerts that are not set apart, in the order of arrival, as many as fit; the first one always does. */
export async function listUndelivered(db: Queryable, tenant: string, limit: GroupLimit): Promise<Undelivered[]> {
  return db.query(fitting(`tenant = $1 and not apart`), [tenant, limit.count, limit.bytes], {
    name: "list-undelivered-alerts",
  });
}

/** The same of a suspect, whose alerts are set apart. */
export async function listApart(
  db: Queryable,
  { tenant, subject }: Suspect,
  limit: GroupLimit,
): Promise<Undelivered[]> {
  const values = [tenant, limit.count, limit.bytes, subject];
  return db.query(fitting(`tenant = $1 and subject = $4 and apart`), values, { name: "list-apart-alerts" });
}

const fitting = (wanted: string) =>
  `select subject, fingerprint, position::text, alert from (
     select *, row_number() over oldest as nth, sum(octet_length(alert)) over oldest as bytes from (
       select subject, fingerprint, position, alert::text as alert from alert_outbox
       where ${wanted} and delivered_position < position order by position limit $2
     ) waiting window oldest as (order by position rows unbounded preceding)
   ) counted where nth = 1 or bytes <= $3 order by nth`;

/** A state that was replaced meanwhile stays undelivered. `refused` is Alertmanager's reason. */
export async function markDelivered(
  db: Queryable,
  states: readonly Undelivered[],
  refused: string | null = null,
): Promise<void> {
  await db.query(
    `with delivered as (
       select o.subject, o.fingerprint, d.position
       from unnest($1::text[], $2::text[], $3::bigint[]) d(subject, fingerprint, position)
       join alert_outbox o on o.subject = d.subject and o.fingerprint = d.fingerprint
       where o.delivered_position < d.position order by o.subject collate "C", o.fingerprint collate "C" for update of o
     )
     update alert_outbox o set delivered_position = d.position, refused = $4
     from delivered d where o.subject = d.subject and o.fingerprint = d.fingerprint`,
    [
      states.map((one) => one.subject),
      states.map((one) => one.fingerprint),
      states.map((one) => one.position),
      refused?.replaceAll("\0", "\ufffd") ?? null,
    ],
    { name: "mark-alerts-delivered" },
  );
}

/** Takes the waiting alerts of these systems out of the tenant's: each system is delivered by itself from now on. */
export async function setApart(db: Queryable, tenant: string, subjects: readonly string[]): Promise<void> {
  await db.query(
    `with waiting as (
       select subject, fingerprint from alert_outbox
       where subject = any($2::text[]) and tenant = $1 and not apart and delivered_position < position
       order by ${IN_ORDER} for update
     )
     update alert_outbox o set apart = true
     from waiting w where o.subject = w.subject and o.fingerprint = w.fingerprint`,
    [tenant, subjects],
  );
}

/** Tenants with undelivered alerts: skips from one tenant to the next in the partial index. */
export async function listWaitingTenants(db: Queryable): Promise<string[]> {
  const next = `select tenant from alert_outbox where delivered_position < position and not apart`;
  const rows = await db.query<{ tenant: string }>(
    `with recursive waiting as (
       (${next} order by tenant limit 1)
       union all
       select (${next} and tenant > w.tenant order by tenant limit 1) from waiting w where w.tenant is not null
     )
     select tenant from waiting where tenant is not null`,
  );
  return rows.map((row) => row.tenant);
}

/** Suspects with undelivered alerts, in the same way. */
export async function listWaitingSuspects(db: Queryable): Promise<Suspect[]> {
  const next = `select subject, tenant from alert_outbox where delivered_position < position and apart`;
  return db.query<Suspect>(
    `with recursive waiting as (
       (${next} order by subject limit 1)
       union all
       select n.subject, n.tenant from waiting w,
         lateral (${next} and subject > w.subject order by subject limit 1) n
     )
     select tenant, subject from waiting`,
  );
}

export async function measureOutbox(db: Queryable): Promise<{ waiting: number; oldest: Date | null }> {
  const [row] = await db.query<{ waiting: number; oldest: Date | null }>(
    `select count(*)::integer as waiting, min(updated_at) as oldest from (
       select updated_at from alert_outbox where delivered_position < position and not apart
       union all select updated_at from alert_outbox where delivered_position < position and apart
     ) undelivered`,
  );
  return row ?? { waiting: 0, oldest: null };
}

/** Dead letters, newest first; `before` is the time, subject and fingerprint of the last one shown. */
export async function listRefused(
  db: Queryable,
  systemId: string | undefined,
  before: readonly [time: string, subject: string, fingerprint: string] | undefined,
  limit: number,
): Promise<(RefusedAlert & { subject: string; fingerprint: string; sort_time: string })[]> {
  return db.query(
    `select s.system_key, left(o.alert #>> '{labels,alertname}', 255) as alertname, o.refused as reason,
       o.updated_at as received_at, o.subject, o.fingerprint,
       to_char(o.updated_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as sort_time
     from alert_outbox o left join systems s on s.id = o.system_id
     where o.refused is not null and o.delivered_position >= o.position and ($1::uuid is null or o.system_id = $1)
       and ($2::timestamptz is null or (o.updated_at, o.subject, o.fingerprint) < ($2, $3, $4))
     order by o.updated_at desc, o.subject desc, o.fingerprint desc limit $5`,
    [systemId ?? null, ...(before ?? [null, null, null]), limit],
  );
}

/** Delivered states stay for a day, so that an older state that arrives late is recognized. */
export async function pruneOutbox(db: Queryable, before: Date, limit: number): Promise<number> {
  const rows = await db.query(
    `delete from alert_outbox o using (
       select subject, fingerprint from alert_outbox where updated_at < $1 and delivered_position >= position
       order by updated_at limit $2 for update skip locked
     ) old where o.subject = old.subject and o.fingerprint = old.fingerprint returning 1`,
    [before, limit],
  );
  return rows.length;
}
