// Evaluates systems by the versions and advisories of the rules file, and has findings raised on those that do not comply.
//
// Tables: system_products (what is installed where) and alert_review (the policy in force). No other domain reads them.
import type { Domain } from "../../domain.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { FindingVerbs } from "../findings/index.ts";
import type { Inventory, RulesInForce, Projection } from "../inventory/index.ts";
import { openProjection } from "./evaluate.ts";
import { findSectionFaults } from "./faults.ts";
import { openPolicy } from "./policy.ts";
import type { Policy } from "./policy.ts";
import { reviewJobs } from "./review.ts";
import { alertSections, REVIEW_QUEUE } from "./schema.ts";

export type { Policy };

interface ComplianceDeps {
  database: Database;
  clock: Clock;
  rulesInForce: Pick<RulesInForce<Policy>, "policy" | "ruleSet">;
  api: {
    findings: Pick<FindingVerbs, "reconcile" | "raiseRegistrations" | "resolveUnregistered" | "ageEvents">;
    inventory: Pick<Inventory, "reproject">;
  };
}

export function open({ database, clock, rulesInForce, api }: ComplianceDeps): Domain & { projection: Projection } {
  const deps = {
    database,
    clock,
    policy: rulesInForce.policy,
    findings: api.findings,
    reproject: api.inventory.reproject,
    changeResolvesAfterDays: () => rulesInForce.ruleSet().critical_change.resolve_after_days,
  };
  return {
    projection: openProjection(deps),
    jobs: reviewJobs(deps),
    schedules: [{ name: "alert-review", cron: "* * * * *", queue: REVIEW_QUEUE }],
  };
}

/** This domain's part of the rules file. */
export const ruleSections = { sections: alertSections, findFaults: findSectionFaults, read: openPolicy };
