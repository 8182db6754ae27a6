// Stores uploads under way: the quota they reserve, and the journal of objects that may have to be removed.
import type { Queryable } from "../../../ports/database.ts";

interface Upload {
  id: string;
  systemId: string;
  organizationId: string;
  objectKey: string;
  size: number;
}

/** Returns the bytes that the organization stores and has reserved. Locks the row until the transaction ends: uploads decide one at a time. */
export async function lockUsage(tx: Queryable, organizationId: string): Promise<number> {
  const [row] = await tx.query<{ bytes: number }>(
    `insert into backup_usage values ($1, 0)
     on conflict (organization_id) do update set bytes = backup_usage.bytes returning bytes`,
    [organizationId],
  );
  return row?.bytes ?? 0;
}

export async function sumReserved(tx: Queryable, systemId: string): Promise<number> {
  const [row] = await tx.query<{ bytes: number }>(
    `select coalesce(sum(size), 0)::bigint as bytes from backup_uploads where system_id = $1`,
    [systemId],
  );
  return row?.bytes ?? 0;
}

export async function insertUpload(db: Queryable, upload: Upload, now: Date): Promise<void> {
  await db.query(
    `insert into backup_uploads (id, system_id, organization_id, object_key, size, started_at, renewed_at)
     values ($1, $2, $3, $4, $5, $6, $6)`,
    [upload.id, upload.systemId, upload.organizationId, upload.objectKey, upload.size, now],
  );
}

export async function renewUpload(db: Queryable, id: string, now: Date): Promise<void> {
  await db.query(`update backup_uploads set renewed_at = $2 where id = $1`, [id, now]);
}

/** False when the upload had been given up: then its object must not become a backup. */
export async function deleteUpload(db: Queryable, id: string): Promise<boolean> {
  const rows = await db.query(`delete from backup_uploads where id = $1 returning id`, [id]);
  return rows.length === 1;
}

/** Turns uploads that were not renewed since `before` into removals of their objects. Returns how many. */
export async function giveUpUploads(db: Queryable, before: Date): Promise<number> {
  const rows = await db.query(
    `with given_up as (delete from backup_uploads where renewed_at < $1 returning object_key)
     insert into backup_removals (object_key) select object_key from given_up on conflict do nothing returning object_key`,
    [before],
  );
  return rows.length;
}

/** Of the keys, those that an upload under way holds. */
export async function listUploadKeys(db: Queryable, keys: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ object_key: string }>(
    `select object_key from backup_uploads where object_key = any($1)`,
    [keys],
  );
  return rows.map((row) => row.object_key);
}
