// Reads the feed from inventory_diffs, whose owner is inventory/: positions first, then the changes at them.
import type { Queryable } from "../../ports/database.ts";
import { PAGE_BYTES, PAGE_SHARE, ROW_BYTES, VALUE_BYTES, shownValue } from "../../values/json/page.ts";

/** Rows that one request scans for significant ones. */
export const MAX_SCANNED = 10_000;

interface Position {
  epoch: string;
  transaction: string;
  id: string;
}

interface ScannedRow extends Position {
  place: number;
  isFound: boolean;
}

/**
 * Finds the rows to show, and the last one that was scanned. One statement, so that the rows and the oldest running
 * transaction are seen in one snapshot.
 */
export async function scanFeed(db: Queryable, after: Position, significant: boolean | null, limit: number) {
  const rows = await db.query<ScannedRow>(
    `with scanned as materialized (
       select feed_epoch, feed_transaction, id, significant, row_number() over (order by feed_epoch, feed_transaction, id) as place
       from inventory_diffs
       where (feed_epoch, feed_transaction, id) > ($1::integer, $2::text::xid8, $3::uuid)
         and (feed_epoch < (select max(epoch) from feed_epochs) or feed_transaction < pg_snapshot_xmin(pg_current_snapshot()))
       order by feed_epoch, feed_transaction, id limit $5
     ), chosen as (
       (select *, true as is_found from scanned where $4::boolean is null or significant = $4 order by place limit $6)
       union all
       (select *, false as is_found from scanned order by place desc limit 1)
     )
     select feed_epoch::text as epoch, feed_transaction::text as transaction, id, place::integer as place, is_found as "isFound"
     from chosen order by is_found desc, place`,
    [after.epoch, after.transaction, after.id, significant, significant === null ? limit : MAX_SCANNED, limit],
    { name: "scan-feed" },
  );
  return { found: rows.filter((row) => row.isFound), end: rows.find((row) => !row.isFound) };
}

interface ChangeRow {
  id: string;
  system_id: string;
  system_key: string;
  record_id: string;
  previous_record_id: string;
  position: number;
  pointer: string;
  field_path: string;
  elements: string | null;
  change_type: string;
  category: string;
  severity: string;
  significant: boolean;
  value_bytes: number;
  truncated: boolean;
  previous_value: string | null;
  current_value: string | null;
  detected_at: Date;
}

/** Finds changes in the order of the ids, as many as a page holds. One that was deleted meanwhile is left out. */
export async function findChanges(db: Queryable, ids: string[]): Promise<{ changes: ChangeRow[]; cut: boolean }> {
  const rows = await db.query<ChangeRow & { found: number }>(
    `with found as (
       select d.*, s.system_key, asked.place, ${VALUE_BYTES} as bytes
       from unnest($1::uuid[]) with ordinality as asked (id, place)
       join inventory_diffs d on d.id = asked.id join systems s on s.id = d.system_id
     ), page as (
       select *, count(*) over ()::integer as found, sum(${PAGE_SHARE}) over (order by place rows unbounded preceding) - ${PAGE_SHARE} as ahead
       from found
     )
     select id, system_id, system_key, record_id, previous_record_id, position, pointer, field_path, elements::text as elements, change_type,
       category, severity,
       significant, bytes as value_bytes, bytes > ${ROW_BYTES} as truncated, ${shownValue("previous_value")} as previous_value,
       ${shownValue("current_value")} as current_value, detected_at, found
     from page where ahead < ${PAGE_BYTES} order by place`,
    [ids],
    { name: "find-feed-changes" },
  );
  return { changes: rows.map(({ found, ...row }) => row), cut: rows.length < (rows[0]?.found ?? 0) };
}
