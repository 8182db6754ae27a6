// SQL of the outbox: the newest state of each alert, kept until Alertmanager has it.
import type { Queryable } from "../../ports/database.ts";
import type { PostedAlert } from "./payload.ts";

export interface AlertState {
  /** The system's id, or `organization:<id>` for what Muster says of a whole one. */
  subject: string;
  fingerprint: string;
  systemId: string | null;
  tenant: string;
  position: number;
  alert: PostedAlert;
}

/** A newer state replaces an older one, delivered or not; an older one that comes late changes nothing. */
export async function keepStates(db: Queryable, states: readonly AlertState[], now: Date): Promise<void> {
  if (states.length === 0) return;
  await db.query(
    `insert into alert_outbox as o (subject, fingerprint, system_id, tenant, position, alert, updated_at)
     select distinct on (r.subject, r.fingerprint)
       r.subject, r.fingerprint, r."systemId", r.tenant, r.position, r.alert, $2
     from jsonb_to_recordset($1::jsonb)
       r(subject text, fingerprint text, "systemId" uuid, tenant text, position bigint, alert jsonb)
     where r."systemId" is null or exists (select from systems s where s.id = r."systemId")
     order by r.subject, r.fingerprint, r.position desc
     on conflict (subject, fingerprint) do update set tenant = excluded.tenant, position = excluded.position,
       alert = excluded.alert, refused = null, updated_at = excluded.updated_at
     where o.position < excluded.position`,
    [JSON.stringify(states), now],
    { name: "keep-alert-states" },
  );
}

export interface Undelivered {
  subject: string;
  fingerprint: string;
  position: string;
  /** JSON. */
  alert: string;
}

/** In the order they came, as many as fit; the first one always does. */
export async function listUndelivered(
  db: Queryable,
  tenant: string,
  limit: { count: number; bytes: number },
): Promise<Undelivered[]> {
  return db.query(
    `select subject, fingerprint, position::text, alert from (
       select *, row_number() over oldest as nth, sum(octet_length(alert)) over oldest as bytes from (
         select subject, fingerprint, position, alert::text as alert from alert_outbox
         where tenant = $1 and delivered_position < position order by position limit $2
       ) waiting window oldest as (order by position rows unbounded preceding)
     ) counted where nth = 1 or bytes <= $3 order by nth`,
    [tenant, limit.count, limit.bytes],
    { name: "list-undelivered-alerts" },
  );
}

/** A state that was replaced meanwhile stays undelivered. `refused` is what Alertmanager had against it. */
export async function markDelivered(
  db: Queryable,
  states: readonly Undelivered[],
  refused: string | null = null,
): Promise<void> {
  await db.query(
    `update alert_outbox o set delivered_position = d.position, refused = $4
     from unnest($1::text[], $2::text[], $3::bigint[]) d(subject, fingerprint, position)
     where o.subject = d.subject and o.fingerprint = d.fingerprint and o.delivered_position < d.position`,
    [
      states.map((one) => one.subject),
      states.map((one) => one.fingerprint),
      states.map((one) => one.position),
      refused?.replaceAll("\0", "\ufffd") ?? null,
    ],
    { name: "mark-alerts-delivered" },
  );
}

/** Tenants for whom something waits: skips from one to the next in the index of what waits. */
export async function listWaitingTenants(db: Queryable): Promise<string[]> {
  const rows = await db.query<{ tenant: string }>(
    `with recursive waiting as (
       (select tenant from alert_outbox where delivered_position < position order by tenant limit 1)
       union all
       select (select tenant from alert_outbox where delivered_position < position and tenant > w.tenant order by tenant limit 1)
       from waiting w where w.tenant is not null
     )
     select tenant from waiting where tenant is not null`,
  );
  return rows.map((row) => row.tenant);
}

export async function measureOutbox(db: Queryable): Promise<{ waiting: number; oldest: Date | null }> {
  const [row] = await db.query<{ waiting: number; oldest: Date | null }>(
    `select count(*)::integer as waiting, min(updated_at) as oldest from alert_outbox where delivered_position < position`,
  );
  return row ?? { waiting: 0, oldest: null };
}

/** Delivered states are kept for a while, so that an older one that comes late is known for what it is. */
export async function pruneOutbox(db: Queryable, before: Date, limit: number): Promise<void> {
  await db.query(
    `delete from alert_outbox o using (
       select subject, fingerprint from alert_outbox where updated_at < $1 and delivered_position >= position
       order by updated_at limit $2
     ) old where o.subject = old.subject and o.fingerprint = old.fingerprint and o.delivered_position >= o.position`,
    [before, limit],
  );
}
