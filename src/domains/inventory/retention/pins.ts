// Pins records, by an operator's word: they stay, however old they get.
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import type { Actor } from "../../../values/actor.ts";
import type { System } from "../../systems/index.ts";
import { updatePin } from "./prune-store.ts";
import { Failure } from "../../../errors.ts";
import { isUuid } from "../../../values/uuid.ts";

interface PinsDeps {
  database: Queryable;
  clock: Clock;
  showSystem(actor: Actor, keyOrId: string): Promise<System>;
}

interface Pin {
  record_id: string;
  pinned: boolean;
  pinned_at: Date | null;
}

export type Pins = ReturnType<typeof openPins>;

/** Both are safe to repeat; a record that the system has not, or that was pruned, is a Failure 404. */
export function openPins({ database, clock, showSystem }: PinsDeps) {
  const update = async (actor: Actor, key: string, recordId: string, pinnedAt: Date | null): Promise<Pin> => {
    const { system_id: systemId } = await showSystem(actor, key);
    const row = isUuid(recordId) ? await updatePin(database, systemId, recordId, pinnedAt) : undefined;
    if (!row) throw unknownRecord(recordId);
    return { record_id: recordId, pinned: row.pinnedAt !== null, pinned_at: row.pinnedAt };
  };
  return {
    pin: (actor: Actor, key: string, recordId: string) => update(actor, key, recordId, clock.now()),
    unpin: (actor: Actor, key: string, recordId: string) => update(actor, key, recordId, null),
  };
}

export const unknownRecord = (id: string) =>
  new Failure(
    "inventory.unknown_record",
    404,
    `the system has no inventory record ${JSON.stringify(id.slice(0, 80))}; old ones are pruned`,
  );
