// Imports inventories that another service received: into the chain by their own times, compared like any other, with nobody told.
import { Failure } from "../../errors.ts";
import { compareRecords } from "./chain/compare.ts";
import type { CompareRecordsDeps } from "./chain/compare.ts";
import { linkRecords } from "./chain/link.ts";
import { openRecentTexts, rounds } from "./chain/recent.ts";
import { inspect } from "./intake/document.ts";
import type { IncomingRecord } from "./intake/payload.ts";
import { project } from "./projections.ts";
import type { ProjectDeps } from "./projections.ts";

export interface FormerInventory {
  systemId: string;
  /** What it was called there: the same one brought twice is one record. */
  formerId: string;
  receivedAt: Date;
  text: string;
}

export interface Refused {
  systemId: string;
  formerId: string;
  reason: string;
}

/** In the order given. Returns those that are no inventories; a dry run only judges. */
export async function bringInventories(
  deps: Omit<CompareRecordsDeps & ProjectDeps, "recent">,
  rows: readonly FormerInventory[],
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
      refused.push({ systemId: row.systemId, formerId: row.formerId, reason: reasonOf(error) });
    }
  }
  if (dryRun) return refused;
  const given = { ...deps, recent: openRecentTexts() };
  const touched = new Set<string>();
  for (const turn of turnsOf(accepted))
    for (const round of rounds(turn)) {
      const undiffed = await deps.database.transaction((tx) => linkRecords(tx, round));
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
function recordIdOf({ systemId, formerId, receivedAt }: FormerInventory): string {
  const time = receivedAt.getTime().toString(16).padStart(12, "0");
  const hash = Bun.SHA256.hash(`${systemId} ${formerId} ${receivedAt.getTime()}`, "hex");
  const variant = ((parseInt(hash.slice(3, 4), 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hash.slice(0, 3)}-${variant}${hash.slice(4, 7)}-${hash.slice(7, 19)}`;
}
