// Stores how far an import has come, and changes of the source that have no place in a chain.
import type { Database } from "../../ports/database.ts";
import type { Since, SourceChange } from "./source.ts";

export async function readProgress(db: Database, systemIds: readonly string[]): Promise<Map<string, Since>> {
  const rows = await db.query<Since>(
    `select system_id as "systemId", last_record_id::text as "recordId", last_change_id::text as "changeId", seen_until as "seenUntil"
     from import_progress where system_id = any($1::uuid[])`,
    [systemIds],
  );
  return new Map(rows.map((row) => [row.systemId, row]));
}

export async function writeProgress(db: Database, progress: readonly (Since & { seenUntil: Date })[]): Promise<void> {
  await db.query(
    `insert into import_progress (system_id, last_record_id, last_change_id, seen_until)
     select p.* from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[]) p (system_id, record_id, change_id, seen)
     join systems s on s.id = p.system_id
     on conflict (system_id) do update set last_record_id = excluded.last_record_id, last_change_id = excluded.last_change_id,
       seen_until = excluded.seen_until`,
    [
      progress.map((one) => one.systemId),
      progress.map((one) => one.recordId),
      progress.map((one) => one.changeId),
      progress.map((one) => one.seenUntil),
    ],
  );
}

/** Returns how many were new. */
export async function insertChanges(db: Database, rows: readonly SourceChange[]): Promise<number> {
  const inserted = await db.query(
    `insert into former_changes (system_id, former_id, field_path, change_type, category, severity, previous_value, current_value, detected_at)
     select c.* from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::jsonb[], $9::timestamptz[])
       c (system_id, former_id, field_path, change_type, category, severity, previous_value, current_value, detected_at)
     join systems s on s.id = c.system_id
     on conflict (system_id, former_id) do nothing returning former_id`,
    [
      rows.map((row) => row.systemId),
      rows.map((row) => row.id),
      rows.map((row) => row.fieldPath),
      rows.map((row) => row.changeType),
      rows.map((row) => row.category),
      rows.map((row) => row.severity),
      rows.map((row) => row.previousValue),
      rows.map((row) => row.currentValue),
      rows.map((row) => row.detectedAt),
    ],
  );
  return inserted.length;
}
