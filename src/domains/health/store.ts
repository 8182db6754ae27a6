// Reads what health is computed from: one statement for a page of systems, each part by an index of its table.
import type { Queryable } from "../../ports/database.ts";

export interface HealthRow {
  systemId: string;
  status: "unknown" | "active" | "inactive";
  registeredAt: Date | null;
  suspendedAt: Date | null;
  lastInventoryAt: Date | null;
  /** Times of status changes in ms, oldest first; negative where the system became inactive. */
  flips: number[] | null;
  /** Pairs of start and end in ms; an end is null while the suspension lasts. */
  suspensions: (number | null)[][] | null;
  changes: number;
  openCritical: number;
  openHigh: number;
}

interface HealthWindow {
  now: Date;
  windowDays: number;
  changesDays: number;
  maxChanges: number;
}

/** More open alerts than this do not lower the score any further. */
const MAX_ALERTS = 50;
/** Status changes that are read; one every 9 minutes for 30 days. */
const MAX_FLIPS = 5_000;

export async function findHealthRows(
  db: Queryable,
  systemIds: readonly string[],
  { now, windowDays, changesDays, maxChanges }: HealthWindow,
): Promise<HealthRow[]> {
  return db.query(
    `select s.id as "systemId", s.status, s.registered_at as "registeredAt", s.suspended_at as "suspendedAt",
       s.last_inventory_at as "lastInventoryAt", f.flips, u.suspensions, c.changes, a.critical as "openCritical", a.high as "openHigh"
     from systems s
     cross join lateral (
       select greatest(s.registered_at, coalesce(s.suspended_at, $2) - make_interval(days => $3)) as since
     ) w
     cross join lateral (
       select array_agg(case status when 'active' then 1 else -1 end * floor(extract(epoch from changed_at) * 1000)::float8
         order by changed_at, id) as flips
       from (
         (select id, status, changed_at from system_status_changes
          where system_id = s.id and changed_at >= w.since order by changed_at desc limit ${MAX_FLIPS})
         union all
         (select id, status, changed_at from system_status_changes
          where system_id = s.id and changed_at < w.since and changed_at >= s.registered_at order by changed_at desc limit 1)
       ) each
     ) f
     cross join lateral (
       select array_agg(array[floor(extract(epoch from suspended_at) * 1000)::float8, floor(extract(epoch from resumed_at) * 1000)::float8]
         order by suspended_at) as suspensions
       from system_suspensions where system_id = s.id and (resumed_at is null or resumed_at > w.since)
     ) u
     cross join lateral (
       select count(*)::integer as changes from (
         select from inventory_diffs
         where system_id = s.id and significant and detected_at >= $2 - make_interval(days => $4) limit $5
       ) each
     ) c
     cross join lateral (
       select count(*) filter (where severity = 'critical')::integer as critical, count(*) filter (where severity = 'high')::integer as high
       from (
         select severity from inventory_alerts
         where system_id = s.id and not is_resolved and severity in ('critical', 'high') limit ${MAX_ALERTS}
       ) each
     ) a
     where s.id = any($1::uuid[])`,
    [systemIds, now, windowDays, changesDays, maxChanges],
    { name: "find-health" },
  );
}
