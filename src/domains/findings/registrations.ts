// Raises a finding for each system that registers, and resolves it when the registration is gone.
import type { Queryable } from "../../ports/database.ts";
import { raising, resolving } from "./store.ts";

/** Registering again is another cause. */
const CAUSE = `'registered ' || to_char(s.registered_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** Rows of one statement. */
const MAX_ROWS = 1_000;

/** Raises one for each registration since then that never had one. */
export async function raiseRegistrations(
  db: Queryable,
  { since, severity }: { since: Date; severity: string },
  now: Date,
): Promise<void> {
  while ((await raiseSome(db, since, severity, now)) === MAX_ROWS);
}

async function raiseSome(db: Queryable, since: Date, severity: string, now: Date): Promise<number> {
  const rows = await db.query(
    `${raising(
      `select gen_random_uuid() as id, s.id as system_id, null::uuid as diff_id, 'new_system' as alert_type, c.cause,
         $2::text as severity, 'new system: ' || s.name || ' (' || s.system_key || ') registered' as message, null::timestamptz as seen_at
       from systems s cross join lateral (select ${CAUSE} as cause) c
       where s.registered_at >= $1 and not exists (
         select from inventory_alerts a where a.system_id = s.id and a.alert_type = 'new_system' and a.cause = c.cause
       )
       limit $4`,
      "$3::timestamptz",
    )} returning id`,
    [since, severity, now, MAX_ROWS],
  );
  return rows.length;
}

/** Resolves those of systems that have unregistered, or registered again. */
export async function resolveUnregistered(db: Queryable, now: Date): Promise<void> {
  // Nearly always none: then one scan of what is open is all it costs.
  const rows = await db.query<{ id: string }>(
    `select f.id from inventory_alerts f join systems s on s.id = f.system_id
     where not f.is_resolved and f.alert_type = 'new_system' and (s.registered_at is null or f.cause <> ${CAUSE})`,
  );
  if (rows.length === 0) return;
  await db.query(
    resolving(
      `select t.id, 'cause_gone' as resolution, null::timestamptz as seen_at from unnest($1::uuid[]) as t (id)`,
      "$2::timestamptz",
    ),
    [rows.map((row) => row.id), now],
  );
}
