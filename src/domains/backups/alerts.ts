// SQL of what is wrong with backups: one open row a cause, resolved when it is over.
import { randomUUIDv7 } from "bun";
import type { Queryable } from "../../ports/database.ts";
import { NIL_UUID } from "../../values/uuid.ts";

export type Cause = "damaged" | "lost" | "stale" | "shrunk";

export interface AlertRow {
  id: string;
  system_key: string;
  backup_id: string | null;
  cause: Cause;
  message: string;
  opened_at: Date;
  resolved_at: Date | null;
}

export interface NewAlert {
  systemId: string;
  backupId: string | null;
  cause: Cause;
  message: string;
}

/** While one of this cause is open, only its message changes. True when it was opened now. */
export async function openAlert(db: Queryable, alert: NewAlert, now: Date): Promise<boolean> {
  const [row] = await db.query<{ opened: boolean }>(
    `insert into backup_alerts (id, system_id, backup_id, cause, message, opened_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (system_id, cause, coalesce(backup_id, '${NIL_UUID}')) where resolved_at is null
     do update set message = excluded.message returning id = $1 as opened`,
    [randomUUIDv7("hex", now.getTime()), alert.systemId, alert.backupId, alert.cause, alert.message, now],
  );
  return row?.opened ?? false;
}

/** Of the causes, whatever is open; null as backup: those about the system as a whole. */
export async function resolveAlerts(
  db: Queryable,
  { systemId, backupId, causes }: { systemId: string; backupId: string | null; causes: readonly Cause[] },
  now: Date,
): Promise<void> {
  await db.query(
    `update backup_alerts set resolved_at = $4
     where system_id = $1 and backup_id is not distinct from $2::uuid and cause = any($3) and resolved_at is null`,
    [systemId, backupId, causes, now],
  );
}

/** Newest first; `after` is time and id of the last row shown. */
export async function listAlerts(
  db: Queryable,
  { systemId, open, limit }: { systemId: string | null; open: boolean; limit: number },
  after?: readonly [openedAt: string, id: string],
): Promise<AlertRow[]> {
  return db.query(
    `select a.id, s.system_key, a.backup_id, a.cause, a.message, a.opened_at, a.resolved_at
     from backup_alerts a join systems s on s.id = a.system_id
     where ($1::uuid is null or a.system_id = $1) and (not $2 or a.resolved_at is null)
       and ($3::timestamptz is null or (a.opened_at, a.id) < ($3, $4::uuid))
     order by a.opened_at desc, a.id desc limit $5`,
    [systemId, open, after?.[0] ?? null, after?.[1] ?? null, limit],
  );
}

/** Causes of open alerts of a backup. */
export async function listCauses(
  db: Queryable,
  backupId: string,
): Promise<Pick<AlertRow, "cause" | "message" | "opened_at">[]> {
  return db.query(
    `select cause, message, opened_at from backup_alerts where backup_id = $1 and resolved_at is null order by opened_at`,
    [backupId],
  );
}

export async function countOpenAlerts(db: Queryable): Promise<{ cause: Cause; count: number }[]> {
  return db.query(
    `select cause, count(*)::integer as count from backup_alerts where resolved_at is null group by cause order by cause`,
  );
}
