// Stores findings on backups in backup_alerts: one open row for each system, backup and cause.
import { randomUUIDv7 } from "bun";
import type { Queryable } from "../../ports/database.ts";
import { NIL_UUID } from "../../values/uuid.ts";

export type BackupCause = "damaged" | "lost" | "stale" | "shrunk";

export interface BackupFindingRow {
  id: string;
  system_key: string;
  backup_id: string | null;
  cause: BackupCause;
  message: string;
  opened_at: Date;
  resolved_at: Date | null;
}

interface BackupFinding {
  systemId: string;
  backupId: string | null;
  cause: BackupCause;
  message: string;
}

/** Of a finding that is open already, only the message changes. */
async function raise(db: Queryable, finding: BackupFinding, now: Date): Promise<void> {
  await db.query(
    `insert into backup_alerts (id, system_id, backup_id, cause, message, opened_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (system_id, cause, coalesce(backup_id, '${NIL_UUID}')) where resolved_at is null
     do update set message = excluded.message`,
    [randomUUIDv7("hex", now.getTime()), finding.systemId, finding.backupId, finding.cause, finding.message, now],
  );
}

/** Resolves what is open of these causes; without a backup, what is about the system as a whole. */
async function resolve(
  db: Queryable,
  { systemId, backupId, causes }: { systemId: string; backupId: string | null; causes: readonly BackupCause[] },
  now: Date,
): Promise<void> {
  await db.query(
    `update backup_alerts set resolved_at = $4
     where system_id = $1 and backup_id is not distinct from $2::uuid and cause = any($3) and resolved_at is null`,
    [systemId, backupId, causes, now],
  );
}

/** Newest first; `after` is time and id of the last row shown. */
async function list(
  db: Queryable,
  { systemId, open, limit }: { systemId: string | null; open: boolean; limit: number },
  after?: readonly [openedAt: string, id: string],
): Promise<BackupFindingRow[]> {
  return db.query(
    `select a.id, s.system_key, a.backup_id, a.cause, a.message, a.opened_at, a.resolved_at
     from backup_alerts a join systems s on s.id = a.system_id
     where ($1::uuid is null or a.system_id = $1) and (not $2 or a.resolved_at is null)
       and ($3::timestamptz is null or (a.opened_at, a.id) < ($3, $4::uuid))
     order by a.opened_at desc, a.id desc limit $5`,
    [systemId, open, after?.[0] ?? null, after?.[1] ?? null, limit],
  );
}

/** What is wrong with this backup now, oldest first. */
async function listOpenOf(
  db: Queryable,
  backupId: string,
): Promise<Pick<BackupFindingRow, "cause" | "message" | "opened_at">[]> {
  return db.query(
    `select cause, message, opened_at from backup_alerts where backup_id = $1 and resolved_at is null order by opened_at`,
    [backupId],
  );
}

async function countOpen(db: Queryable): Promise<{ cause: BackupCause; count: number }[]> {
  return db.query(
    `select cause, count(*)::integer as count from backup_alerts where resolved_at is null group by cause order by cause`,
  );
}

/** Verbs on findings of backups. */
export const backupFindings = { raise, resolve, list, listOpenOf, countOpen };
