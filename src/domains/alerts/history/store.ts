// Stores resolved alerts, lists them page by page, and deletes them when they are old.
import type { Queryable } from "../../../ports/database.ts";
import { PAGE_BYTES } from "../../../values/json/page.ts";
import type { HistoryQuery, PastAlert } from "../schema.ts";

export interface PastRow {
  id: string;
  systemKey: string | null;
  /** Only of an alert that has no system. */
  organizationId: string | null;
  alertname: string;
  severity: string | null;
  status: string;
  fingerprint: string;
  startsAt: string;
  endsAt: string | null;
  summary: string | null;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  receiver: string | null;
}

/**
 * One row for an organization, fingerprint and start, however often it is reported. A corrected end makes the row new again, so
 * that a reader who lists rows by `created_at` sees it. Systems are locked first, as erasing one does. The organization is the
 * system's, never the payload's.
 */
export async function insertPast(db: Queryable, rows: readonly PastRow[], now: Date): Promise<void> {
  await db.query(
    `with given as (
       select * from jsonb_to_recordset($1::jsonb) r(id uuid, "systemKey" text, "organizationId" text, alertname text, severity text,
         status text, fingerprint text, "startsAt" timestamptz, "endsAt" timestamptz, summary text, labels jsonb,
         annotations jsonb, receiver text)
     ), known as (
       select id, system_key, organization_id from systems
       where system_key in (select "systemKey" from given) order by id for key share
     )
     insert into alert_history as h (id, system_id, system_key, organization_id, alertname, severity, status, fingerprint,
       starts_at, ends_at, summary, labels, annotations, receiver, created_at)
     select distinct on (organization_id, fingerprint, starts_at) *, $2::timestamptz from (
       select r.id, s.id as system_id, s.system_key, coalesce(s.organization_id, r."organizationId") as organization_id,
         r.alertname, r.severity, r.status, r.fingerprint, r."startsAt" as starts_at, r."endsAt" as ends_at, r.summary,
         r.labels, r.annotations, r.receiver
       from given r left join known s on s.system_key = r."systemKey"
       where s.id is not null or (r."systemKey" is null and r."organizationId" is not null)
     ) known
     order by organization_id, fingerprint, starts_at, ends_at desc nulls last
     on conflict (organization_id, fingerprint, starts_at) do update set ends_at = excluded.ends_at,
       summary = excluded.summary, annotations = excluded.annotations, receiver = excluded.receiver,
       created_at = case when h.ends_at is distinct from excluded.ends_at then excluded.created_at else h.created_at end
     where (h.ends_at, h.summary, h.annotations, h.receiver)
       is distinct from (excluded.ends_at, excluded.summary, excluded.annotations, excluded.receiver)`,
    [JSON.stringify(rows), now],
  );
}

/** Newest first; `before` is the time and id of the last row shown. */
export async function listPast(
  db: Queryable,
  query: Omit<HistoryQuery, "cursor" | "system">,
  systemId: string | undefined,
  before: readonly [time: string, id: string] | undefined,
): Promise<{ rows: (PastAlert & { sort_time: string })[]; more: boolean }> {
  const found = await db.query<PastAlert & { sort_time: string; found: number }>(
    `with page as (
       select *, count(*) over ()::integer as found,
         sum(bytes) over (order by created_at desc, id desc rows unbounded preceding) - bytes as ahead
       from (
     select *, octet_length(labels::text) + octet_length(annotations::text) as bytes
     from alert_history
     where ($1::uuid is null or system_id = $1) and ($2::text is null or organization_id = $2)
       and ($3::text is null or alertname = $3) and ($4::text is null or severity = $4)
       and ($5::timestamptz is null or created_at >= $5) and ($6::timestamptz is null or created_at <= $6)
       and ($7::timestamptz is null or (created_at, id) < ($7, $8::uuid))
     order by created_at desc, id desc limit $9
       ) found
     )
     select id, system_key, organization_id, alertname, severity, status, fingerprint, starts_at, ends_at, summary, labels,
       annotations, receiver, created_at,
       to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as sort_time,
       found
     from page where ahead < ${PAGE_BYTES} order by created_at desc, id desc`,
    [
      systemId ?? null,
      query.organization ?? null,
      query.alertname ?? null,
      query.severity ?? null,
      query.from ?? null,
      query.to ?? null,
      before?.[0] ?? null,
      before?.[1] ?? null,
      query.limit,
    ],
  );
  const more = found.length === query.limit || found.length < (found[0]?.found ?? 0);
  return { rows: found.map(({ found: _, ...row }) => row), more };
}

/** Returns how many were deleted; fewer than the limit when there are no more. */
export async function prunePast(db: Queryable, before: Date, limit: number): Promise<number> {
  const rows = await db.query(
    `delete from alert_history where id in (
       select id from alert_history where created_at < $1 order by created_at limit $2 for update skip locked
     ) returning id`,
    [before, limit],
  );
  return rows.length;
}

/** A resolved alert of the replaced service. */
export type ImportedAlert = Omit<PastRow, "id" | "startsAt" | "endsAt" | "systemKey" | "organizationId"> & {
  systemKey: string;
  organizationId: string;
  startsAt: Date;
  endsAt: Date | null;
  createdAt: Date;
};

/** One row as above; existing rows stay. Returns how many were new; a dry run only counts. */
export async function importPast(db: Queryable, rows: readonly ImportedAlert[], dryRun: boolean): Promise<number> {
  const known = `select distinct on (organization_id, fingerprint, starts_at) * from (
      select r.*, s.id as system_id, coalesce(s.organization_id, r.organization) as organization_id from jsonb_to_recordset($1::jsonb)
        r ("systemKey" text, organization text, alertname text, severity text, status text, fingerprint text, starts_at timestamptz,
           ends_at timestamptz, summary text, labels jsonb, annotations jsonb, receiver text, created_at timestamptz)
      left join systems s on s.system_key = r."systemKey"
    ) all_of_them order by organization_id, fingerprint, starts_at, ends_at desc nulls last, created_at desc`;
  const given = rows.map(
    ({ organizationId: organization, startsAt: starts_at, endsAt: ends_at, createdAt: created_at, ...row }) => ({
      ...row,
      organization,
      starts_at,
      ends_at,
      created_at,
    }),
  );
  const values = [JSON.stringify(given)];
  if (dryRun) {
    const [row] = await db.query<{ count: number }>(
      `select count(*)::integer as count from (${known}) k where not exists (
         select from alert_history h where (h.organization_id, h.fingerprint, h.starts_at) = (k.organization_id, k.fingerprint, k.starts_at))`,
      values,
    );
    return row?.count ?? 0;
  }
  const inserted = await db.query(
    `insert into alert_history (id, system_id, system_key, organization_id, alertname, severity, status, fingerprint, starts_at, ends_at,
       summary, labels, annotations, receiver, created_at)
     select gen_random_uuid(), system_id, "systemKey", organization_id, alertname, severity, status, fingerprint, starts_at, ends_at,
       summary, labels, annotations, receiver, created_at from (${known}) k
     on conflict (organization_id, fingerprint, starts_at) do nothing returning id`,
    values,
  );
  return inserted.length;
}
