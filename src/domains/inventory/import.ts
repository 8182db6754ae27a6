// Imports inventories that another service received: they enter the chain by their own times, are compared like any other, and raise nothing.
import { Failure } from "../../errors.ts";
import { compareRecords } from "./chain/compare.ts";
import type { CompareRecordsDeps } from "./chain/compare.ts";
import { linkRecords } from "./chain/link.ts";
import type { LinkDeps } from "./chain/link.ts";
import { openRecentDocuments, rounds } from "./chain/recent.ts";
import { inspect } from "./intake/document.ts";
import type { IncomingRecord } from "./intake/payload.ts";
import { project } from "./projections.ts";
import type { ProjectDeps } from "./projections.ts";

export interface ImportedInventory {
  systemId: string;
  /** Its id in the source: one that is imported twice is one record. */
  sourceId: string;
  receivedAt: Date;
  text: string;
}

export interface Refused {
  systemId: string;
  sourceId: string;
  reason: string;
}

/** In the order given. Returns those that are no inventories; a dry run only judges. */
export async function importInventories(
  deps: Omit<CompareRecordsDeps & LinkDeps & ProjectDeps, "recent">,
  rows: readonly ImportedInventory[],
  dryRun: boolean,
): Promise<Refused[]> {
  const refused: Refused[] = [];
  const accepted: (IncomingRecord & { bytes: number })[] = [];
  for (const row of rows) {
    try {
      const read = inspect(Buffer.from(row.text));
      accepted.push({
        id: recordIdOf(row),
        systemId: row.systemId,
        receivedAt: row.receivedAt,
        bytes: read.size,
        ...read,
      });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      refused.push({ systemId: row.systemId, sourceId: row.sourceId, reason: reasonOf(error) });
    }
  }
  if (dryRun) return refused;
  const given = { ...deps, recent: openRecentDocuments() };
  const touched = new Set<string>();
  for (const turn of turnsOf(accepted))
    for (const round of rounds(turn)) {
      const undiffed = await deps.database.transaction((tx) => linkRecords(deps, tx, round));
      await compareRecords(
        given,
        undiffed.map((one) => one.id),
      );
      for (const one of round) touched.add(one.id);
    }
  await project(given, [...touched]);
  return refused;
}

/** Without the place, of which each document has its own. */
const reasonOf = ({ message, data }: Failure) =>
  String(data?.["validation_error"] ?? message).split(", at ", 1)[0] ?? message;

/** The first of each system, then the second of each: a chain takes one at a time. */
function turnsOf<Row extends { systemId: string }>(rows: readonly Row[]): Row[][] {
  const turns: Row[][] = [];
  for (const own of Map.groupBy(rows, (row) => row.systemId).values())
    own.forEach((row, turn) => (turns[turn] ??= []).push(row));
  return turns;
}

/** A UUIDv7 of its time, the rest of which is made of where it comes from. */
function recordIdOf({ systemId, sourceId, receivedAt }: ImportedInventory): string {
  const time = receivedAt.getTime().toString(16).padStart(12, "0");
  const hash = Bun.SHA256.hash(`${systemId} ${sourceId} ${receivedAt.getTime()}`, "hex");
  const variant = ((parseInt(hash.slice(3, 4), 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hash.slice(0, 3)}-${variant}${hash.slice(4, 7)}-${hash.slice(7, 19)}`;
}
