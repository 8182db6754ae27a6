// Assembles the facts: what each system's newest inventory says, leaf by leaf, for questions across systems.
import type { Domain } from "../../domain.ts";
import type { Database } from "../../ports/database.ts";
import type { StateKeeper } from "../inventory/index.ts";
import { openFlatten } from "./flatten.ts";
import type { FlattenDeps } from "./flatten.ts";
import { factProjection } from "./project.ts";
import { PRUNE_SCHEDULE, pruneHandler } from "./prune.ts";

export interface FactsDeps extends FlattenDeps {
  database: Database;
}

export interface Facts extends Domain {
  project: StateKeeper;
}

/**
 * Owns fleet_paths, fleet_facts, fleet_holders and fleet_systems. search/ reads them (lookup, holders, outliers), and so may any
 * client of the database: docs/fleet.md names their columns.
 */
export function openFacts(deps: FactsDeps): Facts {
  return {
    project: factProjection(openFlatten(deps)),
    jobs: [pruneHandler(deps.database)],
    schedules: [PRUNE_SCHEDULE],
  };
}
