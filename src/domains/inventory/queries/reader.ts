// Answers what people ask about inventories from the tables, for the admin API and for commands.
import type { Static } from "@sinclair/typebox";
import { Failure } from "../../../errors.ts";
import { readPage } from "../../../http/edge/page.ts";
import type { Queryable } from "../../../ports/database.ts";
import type { Actor } from "../../../values/actor.ts";
import { BEGINNING, PAGE_BYTES, ROW_BYTES } from "../../../values/json/page.ts";
import type { System } from "../../systems/index.ts";
import type { Compare } from "../large/thread.ts";
import { unknownRecord } from "../retention/pins.ts";
import { storedDocument } from "../rules/judge.ts";
import { isUuid } from "../../../values/uuid.ts";
import type { Noise } from "../../noise/index.ts";
import { RawJson, rawElements, rawOrNull } from "../../../values/json/raw.ts";
import { withFormerName } from "../../../values/schema.ts";
import * as reading from "./reading.ts";
import type { ChangeRow, RecordRow } from "./reading.ts";
import type { ChangesQuery, CompareQuery, HistoryQuery, TimelineQuery } from "../schema.ts";

export interface InventoryReaderDeps {
  database: Queryable;
  compare: Compare;
  noise: Pick<Noise, "known" | "suppress" | "placeOf">;
  /** A Failure 404 for a key or id that no system has. */
  showSystem(actor: Actor, keyOrId: string): Promise<System>;
}

export type InventoryReader = ReturnType<typeof openReader>;

export function openReader({ database, compare, noise, showSystem }: InventoryReaderDeps) {
  const idOf = async (actor: Actor, keyOrId: string) => (await showSystem(actor, keyOrId)).system_id;

  const knownOf = async (systemId: string) => (await noise.known([systemId])).get(systemId);

  const noiseOf = (pointer: string, known: Awaited<ReturnType<typeof knownOf>>) => {
    const { path, rate } = noise.placeOf(pointer, known);
    return { noise_path: path, rate };
  };

  const recordOf = async (systemId: string, id: string) => {
    const row = isUuid(id) ? await reading.findRecord(database, systemId, id) : undefined;
    if (row) return row;
    throw unknownRecord(id);
  };

  return {
    async latest(actor: Actor, key: string) {
      const row = await reading.findLatestRecord(database, await idOf(actor, key));
      if (!row) throw new Failure("inventory.none", 404, "no inventory available: the system has not sent one yet");
      return whole(row);
    },

    async record(actor: Actor, key: string, id: string) {
      return whole(await recordOf(await idOf(actor, key), id));
    },

    async history(actor: Actor, key: string, { limit, cursor }: Static<typeof HistoryQuery>) {
      const systemId = await idOf(actor, key);
      const { rows, next_cursor } = await readPage({
        limit,
        cursor,
        keys: ["time", "uuid"],
        read: (before, count) => reading.listRecords(database, systemId, count, before),
        keyOf: (row) => [row.sort_time, row.id],
      });
      return { records: rows.map(({ sort_time, ...row }) => row), next_cursor };
    },

    async changes(actor: Actor, key: string, { cursor, ...query }: ChangesQuery) {
      let known: Awaited<ReturnType<typeof knownOf>>;
      const { rows, next_cursor } = await readPage({
        limit: query.limit,
        cursor,
        keys: ["time", "uuid", "integer"],
        async read(before) {
          const systemId = await idOf(actor, key);
          known = await knownOf(systemId);
          return reading.listChanges(database, systemId, query, before);
        },
        keyOf: (row) => [row.sort_time, row.record_id, String(row.position)],
      });
      return { changes: rows.map((row) => ({ ...changeOf(row), ...noiseOf(row.pointer, known) })), next_cursor };
    },

    /** With its values whole. */
    async change(actor: Actor, key: string, id: string) {
      const systemId = await idOf(actor, key);
      const row = isUuid(id) ? await reading.findChange(database, systemId, id) : undefined;
      if (row) return { ...changeOf(row), ...noiseOf(row.pointer, await knownOf(systemId)) };
      throw new Failure("inventory.unknown_change", 404, `the system has no change ${JSON.stringify(id.slice(0, 80))}`);
    },

    async timeline(actor: Actor, key: string, { limit, cursor }: Static<typeof TimelineQuery>) {
      const systemId = await idOf(actor, key);
      const [{ rows: days, next_cursor }, summary] = await Promise.all([
        readPage({
          limit,
          cursor,
          keys: ["date"],
          read: (before, count) => reading.listDays(database, systemId, count, before?.[0]),
          keyOf: (day) => [day.date],
        }),
        reading.sumChanges(database, systemId),
      ]);
      const [newest, oldest] = [days[0]?.date, days.at(-1)?.date];
      const counts =
        newest && oldest
          ? await reading.countRecordsByDay(database, systemId, oldest, newest)
          : new Map<string, number>();
      return {
        summary,
        groups: days.map((day) => ({ ...day, inventory_count: counts.get(day.date) ?? 0 })),
        next_cursor,
      };
    },

    async compare(actor: Actor, key: string, { from, to }: Static<typeof CompareQuery>) {
      const systemId = await idOf(actor, key);
      const [before, after] = await Promise.all([recordOf(systemId, from), recordOf(systemId, to)]);
      const known = await knownOf(systemId);
      const changes = noise.suppress(await compare(storedDocument(before.text), storedDocument(after.text)), known);
      return {
        from: shown(before),
        to: shown(after),
        changes: pageOf(changes).map(({ change, ...shown }) => ({
          pointer: change.pointer,
          field_path: change.fieldPath,
          elements: rawElements(change.elements),
          change_type: change.changeType,
          category: change.category,
          severity: change.severity,
          significant: change.significant,
          ...suppressedBy(change.suppressedBy),
          ...noiseOf(change.pointer, known),
          ...shown,
        })),
      };
    },

    /** Significant changes of all systems since then, by severity. */
    countChanges: (_actor: Actor, since: Date) => reading.countRecentChanges(database, since),
  };
}

const shown = ({ text, ...row }: RecordRow & { text: string }): RecordRow => row;
const whole = (row: RecordRow & { text: string }) => ({ record: shown(row), inventory: new RawJson(row.text) });

/** Comparisons have no pages: once a page's bytes are used up, the remaining values are cut like those that are too large. */
function pageOf<Change extends { previousValue: string | null; currentValue: string | null }>(
  changes: readonly Change[],
) {
  let left = PAGE_BYTES;
  return changes.map((change) => {
    const texts = [change.previousValue, change.currentValue] as const;
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ""), 0);
    const truncated = bytes > ROW_BYTES || bytes > left;
    if (!truncated) left -= bytes;
    const [previous, current] = truncated ? texts.map(beginningOf) : texts.map(rawOrNull);
    return { change, value_bytes: bytes, truncated, previous_value: previous ?? null, current_value: current ?? null };
  });
}

const suppressedBy = (suppressed: string | null) => withFormerName({ suppressed }, "suppressed", "folded");

const beginningOf = (text: string | null) => text?.slice(0, BEGINNING).toWellFormed() ?? null;

function changeOf({ elements_text, previous_text, current_text, sort_time, position, suppressed, ...row }: ChangeRow) {
  return {
    ...row,
    ...suppressedBy(suppressed),
    elements: rawElements(elements_text),
    previous_value: rawOrNull(previous_text),
    current_value: rawOrNull(current_text),
  };
}
