// The feed of changes: every one once, in the order of the transactions that brought them, whatever commits when.
import { decodeCursor, encodeCursor } from "../../http/edge/cursor.ts";
import type { Queryable, Database } from "../../ports/database.ts";
import type { Documents } from "../inventory/index.ts";
import { PAGE_BYTES, PAGE_SHARE, ROW_BYTES, VALUE_BYTES, shownValue } from "../../values/page.ts";
import type { FeedQuery } from "../search/schema.ts";

export interface FeedDeps {
  database: Database;
  documents: Pick<Documents, "raw">;
}

/** Rows that one request looks through for significant ones. */
const MAX_SCANNED = 10_000;
const NO_ID = "00000000-0000-0000-0000-000000000000";

/**
 * A row carries the number of its transaction. Numbers are given in order, commits come in any; but once no transaction with
 * a number below N runs, all rows below N are there for good. So rows are shown from below the oldest running transaction
 * only, and whoever remembers the last one shown misses nothing.
 */
export function openFeed({ database, documents: { raw } }: FeedDeps) {
  return {
    async changes({ after, significant, limit }: FeedQuery) {
      const [epoch, transaction, id] = decodeCursor(after, ["integer", "bigint", "uuid"]) ?? ["0", "0", NO_ID];
      const { found, end } = await scanFeed(database, { epoch, transaction, id }, significant ?? null, limit);
      const { changes, cut } = await findChanges(
        database,
        found.map((row) => row.id),
      );
      const shownLast = cut ? found.find((row) => row.id === changes.at(-1)?.id) : undefined;
      const last = shownLast ?? (found.length === limit ? found.at(-1) : end);
      return {
        changes: changes.map(({ elements, previous_value, current_value, ...row }) => ({
          ...row,
          elements: raw(elements ?? "[]"),
          previous_value: previous_value === null ? null : raw(previous_value),
          current_value: current_value === null ? null : raw(current_value),
        })),
        next_cursor: encodeCursor(last?.epoch ?? epoch, last?.transaction ?? transaction, last?.id ?? id),
        more: cut || found.length === limit || end?.place === MAX_SCANNED,
      };
    },

    /**
     * Transactions are numbered anew on another server: after a restore from a dump, or on a stand-by that took over. Rows
     * from now on then belong to the next epoch, which comes after all that was there.
     */
    async beginEpoch(): Promise<void> {
      const server = await identifyServer(database);
      await database.transaction(async (tx) => {
        const current = await lockEpoch(tx);
        if (current?.server === server) return;
        await insertEpoch(tx, (current?.epoch ?? 0) + 1, server);
        if (current) await setEpochDefault(tx, current.epoch + 1);
      });
    },
  };
}

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
 * The rows to show, and the last one that was looked at. One statement, so that the rows and the oldest running transaction
 * are seen in one snapshot.
 */
async function scanFeed(db: Queryable, after: Position, significant: boolean | null, limit: number) {
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

/** In the order of the ids, as many as a page holds. One that was deleted meanwhile is left out. */
async function findChanges(db: Queryable, ids: string[]): Promise<{ changes: ChangeRow[]; cut: boolean }> {
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

/**
 * The server's own name and, since a stand-by has the same one, its timeline. Where neither may be asked, a new server is
 * known only by transactions that it has not reached yet.
 */
async function identifyServer(db: Queryable): Promise<string> {
  const [may] = await db.query<{ ask: boolean }>(
    `select has_function_privilege('pg_control_system()', 'execute') and has_function_privilege('pg_control_checkpoint()', 'execute') as ask`,
  );
  if (!may?.ask) return "unknown";
  const [row] = await db.query<{ server: string }>(
    `select s.system_identifier || '/' || c.timeline_id as server from pg_control_system() s, pg_control_checkpoint() c`,
  );
  return row?.server ?? "unknown";
}

async function lockEpoch(tx: Queryable): Promise<{ epoch: number; server: string } | undefined> {
  await tx.query(`lock table feed_epochs in share row exclusive mode`);
  const [row] = await tx.query<{ epoch: number; server: string }>(
    `select epoch, server from feed_epochs order by epoch desc limit 1`,
  );
  return row;
}

async function insertEpoch(tx: Queryable, epoch: number, server: string): Promise<void> {
  await tx.query(`insert into feed_epochs (epoch, server) values ($1, $2)`, [epoch, server]);
}

/** A default takes no parameter; a whole number needs no quotes. */
async function setEpochDefault(tx: Queryable, epoch: number): Promise<void> {
  await tx.query(`alter table inventory_diffs alter column feed_epoch set default ${Math.trunc(epoch)}`);
}
