// Stores the backups that are kept.
import type { Queryable } from "../../ports/database.ts";
import type { Encryption, OwnBackup } from "./schema.ts";

export type BackupState = "kept" | "damaged" | "lost";

export interface BackupRow {
  id: string;
  systemId: string;
  systemKey: string;
  organizationId: string;
  objectKey: string;
  extension: string;
  filename: string;
  mediaType: string;
  size: number;
  sha256: string;
  encryption: Encryption;
  uploaderIp: string | null;
  uploadedAt: Date;
  lockedUntil: Date | null;
  pinnedAt: Date | null;
  state: BackupState;
  verifiedAt: Date | null;
  checkedAt: Date;
}

const COLUMNS = `
  b.id, b.system_id as "systemId", s.system_key as "systemKey", b.organization_id as "organizationId",
  b.object_key as "objectKey", b.extension, b.filename, b.media_type as "mediaType", b.size, b.sha256, b.encryption,
  b.uploader_ip as "uploaderIp", b.uploaded_at as "uploadedAt", b.locked_until as "lockedUntil",
  b.pinned_at as "pinnedAt", b.state, b.verified_at as "verifiedAt", b.checked_at as "checkedAt"`;
const FROM = `from backups b join systems s on s.id = b.system_id`;

/** A backup that is kept, as far as retention is concerned. */
export interface Kept {
  id: string;
  size: number;
  uploadedAt: Date;
  pinned: boolean;
  lockedUntil: Date | null;
}

export type NewBackup = Omit<BackupRow, "systemKey" | "pinnedAt" | "state" | "verifiedAt" | "checkedAt">;

/** "gone" when the system was erased meanwhile, "refused" when it was suspended or unregistered: then nothing is kept. */
export async function insertBackup(db: Queryable, row: NewBackup): Promise<"kept" | "refused" | "gone"> {
  const [uploader] = await db.query<{ may: boolean }>(
    `with uploader as (
       select s.id, s.registered_at is not null and coalesce(s.suspended_at, o.suspended_at) is null as may
       from systems s left join organizations o on o.id = s.organization_id where s.id = $2 for key share of s
     ), kept as (
       insert into backups (id, system_id, organization_id, object_key, extension, filename, media_type, size, sha256,
         encryption, uploader_ip, uploaded_at, locked_until, checked_at)
       select $1, id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $12 from uploader where may
     )
     select may from uploader`,
    [
      row.id,
      row.systemId,
      row.organizationId,
      row.objectKey,
      row.extension,
      row.filename,
      row.mediaType,
      row.size,
      row.sha256,
      row.encryption,
      row.uploaderIp,
      row.uploadedAt,
      row.lockedUntil,
    ],
  );
  if (!uploader) return "gone";
  return uploader.may ? "kept" : "refused";
}

/** What retention decides on. */
export async function listKept(db: Queryable, systemId: string): Promise<Kept[]> {
  return db.query(
    `select id, size, uploaded_at as "uploadedAt", pinned_at is not null as pinned, locked_until as "lockedUntil"
     from backups where system_id = $1`,
    [systemId],
  );
}

/** The rows go; their objects follow through backup_removals. */
export async function deleteBackups(db: Queryable, ids: readonly string[]): Promise<number> {
  const rows = await db.query(`delete from backups where id = any($1::uuid[]) returning id`, [ids]);
  return rows.length;
}

/** Deletes it unless it is pinned or locked; false when it is, or is gone. */
export async function deleteBackup(db: Queryable, id: string, now: Date): Promise<boolean> {
  const rows = await db.query(
    `delete from backups where id = $1 and pinned_at is null and (locked_until is null or locked_until <= $2) returning id`,
    [id, now],
  );
  return rows.length === 1;
}

export async function findBackup(db: Queryable, id: string): Promise<BackupRow | undefined> {
  const [row] = await db.query<BackupRow>(`select ${COLUMNS} ${FROM} where b.id = $1`, [id], { name: "find-backup" });
  return row;
}

const ISO = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`;
const inUtc = (column: string) => `to_char(${column} at time zone 'UTC', ${ISO}) as ${column}`;

/** A system's own list, newest first, in the words of the wire: ten thousand of them are turned into JSON as they are. */
export async function listOwn(db: Queryable, systemId: string): Promise<OwnBackup[]> {
  return db.query(
    `select id || extension as id, filename, size, sha256, media_type as mimetype, ${inUtc("uploaded_at")},
       encryption, state, pinned_at is not null as pinned, ${inUtc("locked_until")}, ${inUtc("verified_at")}
     from backups b where system_id = $1 order by b.uploaded_at desc, b.id desc`,
    [systemId],
    { name: "list-own-backups" },
  );
}

interface BackupFilter {
  systemId: string | null;
  organization: string | null;
  state: BackupState | null;
  limit: number;
}

const LISTED = `($1::uuid is null or b.system_id = $1) and ($2::text is null or b.organization_id = $2)
       and ($3::text is null or b.state = $3)`;

export async function countListed(
  db: Queryable,
  { systemId, organization, state }: Omit<BackupFilter, "limit">,
): Promise<number> {
  const [row] = await db.query<{ count: number }>(`select count(*)::integer as count from backups b where ${LISTED}`, [
    systemId,
    organization,
    state,
  ]);
  return row?.count ?? 0;
}

/** Newest first, of all systems or one; `after` is time and id of the last row shown. */
export async function listBackups(
  db: Queryable,
  { systemId, organization, state, limit }: BackupFilter,
  after: readonly [uploadedAt: string, id: string] | undefined,
): Promise<BackupRow[]> {
  return db.query(
    `select ${COLUMNS} ${FROM}
     where ${LISTED} and ($4::timestamptz is null or (b.uploaded_at, b.id) < ($4, $5::uuid))
     order by b.uploaded_at desc, b.id desc limit $6`,
    [systemId, organization, state, after?.[0] ?? null, after?.[1] ?? null, limit],
  );
}

/** Null unpins. */
export async function setPinned(db: Queryable, id: string, pinnedAt: Date | null): Promise<void> {
  await db.query(
    `update backups set pinned_at = case when $2::timestamptz is null then null else coalesce(pinned_at, $2) end where id = $1`,
    [id, pinnedAt],
  );
}

export async function setChecked(db: Queryable, id: string, state: BackupState, now: Date): Promise<void> {
  await db.query(
    `update backups set state = $2, checked_at = $3, verified_at = case when $2 = 'kept' then $3 else verified_at end
     where id = $1`,
    [id, state, now],
  );
}

/** Least recently checked first: all that were last checked before `before`. */
export async function listUnchecked(db: Queryable, before: Date, limit: number): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `select id from backups where state <> 'lost' and checked_at < $1 order by checked_at, id limit $2`,
    [before, limit],
  );
  return rows.map((row) => row.id);
}

export async function countBackups(db: Queryable): Promise<{ state: BackupState; count: number; bytes: number }[]> {
  return db.query(`select state, count(*)::integer as count, sum(size)::bigint as bytes from backups group by state`);
}

/** In byte order of their keys, after `after`; only those stored before `before`. */
export async function listKeys(
  db: Queryable,
  after: string,
  before: Date,
  limit: number,
): Promise<{ id: string; objectKey: string }[]> {
  return db.query(
    `select id, object_key as "objectKey" from backups
     where object_key > $1 and uploaded_at < $2 and state <> 'lost' order by object_key limit $3`,
    [after, before, limit],
  );
}

/** Of the keys, those that a row has. */
export async function listKnownKeys(db: Queryable, keys: readonly string[]): Promise<string[]> {
  const rows = await db.query<{ object_key: string }>(`select object_key from backups where object_key = any($1)`, [
    keys,
  ]);
  return rows.map((row) => row.object_key);
}

/** Sizes and times of what can be restored, of the systems after `after` in order of their ids. */
export async function listMeasured(
  db: Queryable,
  after: string,
  systems: number,
): Promise<{ systemId: string; size: number; uploadedAt: Date }[]> {
  return db.query(
    `select b.system_id as "systemId", b.size, b.uploaded_at as "uploadedAt" from backups b
     where b.state = 'kept' and b.system_id in (
       select distinct system_id from backups where system_id > $1 order by system_id limit $2)
     order by b.system_id, b.uploaded_at desc`,
    [after, systems],
  );
}

export async function listMeasuredOf(db: Queryable, systemId: string): Promise<{ size: number; uploadedAt: Date }[]> {
  return db.query(`select size, uploaded_at as "uploadedAt" from backups where system_id = $1 and state = 'kept'`, [
    systemId,
  ]);
}
