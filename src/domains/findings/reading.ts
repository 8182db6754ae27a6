// Reads inventory_alerts for operators: pages, single findings and totals.
import type { Queryable } from "../../ports/database.ts";
import type { AlertsQuery } from "./schema.ts";

export interface AlertRow {
  id: string;
  system_id: string;
  system_key: string;
  system_name: string;
  alert_type: string;
  cause: string;
  severity: string;
  message: string;
  created_at: Date;
  seen_at: Date | null;
  is_resolved: boolean;
  resolved_at: Date | null;
  resolution: string | null;
}

const SHOWN = `a.id, a.system_id, s.system_key, s.name as system_name, a.alert_type, a.cause, a.severity, a.message,
  a.created_at, a.seen_at, a.is_resolved, a.resolved_at, a.resolution`;

/** Newest first. */
export async function listAlerts(
  db: Queryable,
  query: Pick<AlertsQuery, "severity" | "type" | "open" | "limit">,
  systemId: string | undefined,
  before: readonly [createdAt: string, id: string] | undefined,
): Promise<(AlertRow & { sort_time: string })[]> {
  // Written out, so that the planner can use the index of open alerts.
  const state = { true: "not a.is_resolved", false: "a.is_resolved", any: "true" }[`${query.open ?? "any"}`];
  return db.query(
    `select ${SHOWN}, to_char(a.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as sort_time
     from inventory_alerts a join systems s on s.id = a.system_id
     where ${state}
       and ($1::text[] is null or a.severity = any($1))
       and ($2::text[] is null or a.alert_type = any($2))
       and ($3::uuid is null or a.system_id = $3)
       and ($4::timestamptz is null or (a.created_at, a.id) < ($4, $5::uuid))
     order by a.created_at desc, a.id desc limit $6`,
    [
      query.severity?.split(",") ?? null,
      query.type?.split(",") ?? null,
      systemId ?? null,
      before?.[0] ?? null,
      before?.[1] ?? null,
      query.limit,
    ],
  );
}

export async function findAlert(db: Queryable, id: string): Promise<AlertRow | undefined> {
  const [row] = await db.query<AlertRow>(
    `select ${SHOWN} from inventory_alerts a join systems s on s.id = a.system_id where a.id = $1`,
    [id],
  );
  return row;
}

export interface OpenAlert {
  id: string;
  system_key: string;
  name: string;
  alert_type: string;
  message: string;
  severity: string;
  created_at: Date;
}

/** Newest first. */
export async function listOpenAlerts(db: Queryable, limit: number): Promise<OpenAlert[]> {
  return db.query(
    `select a.id, s.system_key, s.name, a.alert_type, a.message, a.severity, a.created_at
     from inventory_alerts a join systems s on s.id = a.system_id
     where not a.is_resolved order by a.created_at desc, a.id desc limit $1`,
    [limit],
  );
}

/** By severity. */
export async function countOpenAlerts(db: Queryable): Promise<Record<string, number>> {
  const rows = await db.query<{ severity: string; count: number }>(
    `select severity, count(*)::integer as count from inventory_alerts where not is_resolved group by 1`,
  );
  return Object.fromEntries(rows.map((row) => [row.severity, row.count]));
}
