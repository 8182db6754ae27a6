// Offers what operators do with inventories: read them and what changed, pin records, let old ones go.
import type { Database } from "../../ports/database.ts";
import type { Actor } from "../../values/actor.ts";
import { openReader } from "./queries/reader.ts";
import type { InventoryReader, InventoryReaderDeps } from "./queries/reader.ts";
import { openPins } from "./retention/pins.ts";
import type { Pins } from "./retention/pins.ts";
import { prune } from "./retention/prune.ts";
import type { PruneDeps, PruneOptions, PruneReport } from "./retention/prune.ts";

export interface InventoryApi extends InventoryReader, Pins {
  /** Deletes the records that retention lets go, and findings long resolved; a dry run only counts them. */
  prune(actor: Actor, options: PruneOptions): Promise<PruneReport>;
}

export function openInventoryApi(
  deps: InventoryReaderDeps & Omit<PruneDeps, "database"> & { database: Database },
): InventoryApi {
  return {
    ...openReader(deps),
    ...openPins(deps),
    prune: (_actor, options) => prune({ ...deps, database: deps.database.patient() }, options),
  };
}
