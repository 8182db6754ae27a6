// Pins: an operator's word that a record stays, however old it gets.
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import type { System } from "../../systems/index.ts";
import { updatePin } from "./prune-store.ts";
import { isRecordId, unknownRecord } from "../queries/reader.ts";

export interface PinsDeps {
  database: Queryable;
  clock: Clock;
  showSystem(keyOrId: string): Promise<System>;
}

export interface Pin {
  record_id: string;
  pinned: boolean;
  pinned_at: Date | null;
}

export type Pins = ReturnType<typeof openPins>;

/** Both are safe to repeat; a record that the system has not, or that was pruned, is a Failure 404. */
export function openPins({ database, clock, showSystem }: PinsDeps) {
  const update = async (key: string, recordId: string, pinnedAt: Date | null): Promise<Pin> => {
    const { system_id: systemId } = await showSystem(key);
    const row = isRecordId(recordId) ? await updatePin(database, systemId, recordId, pinnedAt) : undefined;
    if (!row) throw unknownRecord(recordId);
    return { record_id: recordId, pinned: row.pinnedAt !== null, pinned_at: row.pinnedAt };
  };
  return {
    pin: (key: string, recordId: string) => update(key, recordId, clock.now()),
    unpin: (key: string, recordId: string) => update(key, recordId, null),
  };
}
