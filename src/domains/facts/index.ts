// Assembles the facts: what each system's newest inventory says, leaf by leaf, for questions across systems.
import type { Domain } from "../../domain.ts";
import type { Database } from "../../ports/database.ts";
import type { Projection, RulesInForce } from "../inventory/index.ts";
import { openFlatten } from "./flatten.ts";
import { factProjection } from "./project.ts";
import { PRUNE_SCHEDULE, pruneHandler } from "./prune.ts";

interface FactsDeps {
  database: Database;
  rulesInForce: Pick<RulesInForce<unknown>, "rules" | "ruleSet">;
}

/**
 * Owns fleet_paths, fleet_facts, fleet_holders and fleet_systems. search/ reads them (lookup, holders, outliers), and so may any
 * client of the database: docs/fleet.md names their columns.
 */
export function open({ database, rulesInForce }: FactsDeps): Domain & { projection: Projection } {
  const flatten = openFlatten({ isNoise: rulesInForce.rules.isNoise, ruleSet: rulesInForce.ruleSet });
  return {
    projection: factProjection(flatten),
    jobs: [pruneHandler(database)],
    schedules: [PRUNE_SCHEDULE],
  };
}
