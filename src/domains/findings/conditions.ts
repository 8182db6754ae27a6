// Reconciles findings that last as long as their cause with the causes that systems have now.
import { randomUUIDv7 } from "bun";
import type { Queryable } from "../../ports/database.ts";
import type { Condition } from "./kinds.ts";
import { raising, resolving } from "./store.ts";

export interface ConditionFinding {
  systemId: string;
  kind: Condition;
  /** Identifies the reason; the same text is the same finding. */
  cause: string;
  severity: string;
  message: string;
}

/**
 * Raises, rewords and resolves until the findings of these kinds on these systems are those in `wanted`. What an operator
 * accepted stays accepted while its cause lasts. Repeating it changes nothing; findings of other kinds stay as they are.
 *
 * The caller locks the systems' rows: what it found stays true until the end, and two callers never deadlock.
 */
export async function reconcile(
  db: Queryable,
  {
    kinds,
    systemIds,
    wanted,
  }: { kinds: readonly Condition[]; systemIds: readonly string[]; wanted: readonly ConditionFinding[] },
  now: Date,
): Promise<void> {
  await db.query(
    `with wanted as (
       select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])
         as t (id, system_id, alert_type, cause, severity, message)
     ), resolved as (
       ${resolving(
         `select g.id, case when g.is_resolved then 'operator' else 'cause_gone' end as resolution, null::timestamptz as seen_at
          from inventory_alerts g
          where g.system_id = any($7::uuid[]) and g.alert_type = any($8::text[])
            and (not g.is_resolved or g.resolution = 'accepted')
            and not exists (
              select from wanted w where (w.system_id, w.alert_type, w.cause) = (g.system_id, g.alert_type, g.cause)
            )`,
         "$9::timestamptz",
       )}
     )
     ${raising(
       `select w.id, w.system_id, null::uuid as diff_id, w.alert_type, w.cause, w.severity, w.message, null::timestamptz as seen_at
        from wanted w
        where not exists (
          select from inventory_alerts a
          where (a.system_id, a.alert_type, a.cause) = (w.system_id, w.alert_type, w.cause) and a.resolution = 'accepted'
        )`,
       "$9::timestamptz",
     )}`,
    [
      wanted.map(() => randomUUIDv7()),
      wanted.map((one) => one.systemId),
      wanted.map((one) => one.kind),
      wanted.map((one) => one.cause),
      wanted.map((one) => one.severity),
      wanted.map((one) => one.message),
      systemIds,
      kinds,
      now,
    ],
    { name: "reconcile-conditions" },
  );
}
