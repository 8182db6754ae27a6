// Judges systems by the versions and advisories that the operator's rules name, and raises findings on those that do not comply.
// Owns system_products (what is installed where) and alert_review (the policy in force).
import type { Domain } from "../../domain.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { FindingVerbs } from "../findings/index.ts";
import type { StateKeeper } from "../inventory/index.ts";
import { openKeeper } from "./evaluate.ts";
import { findSectionFaults, openPolicy } from "./policy.ts";
import type { Policy } from "./policy.ts";
import { reviewJobs } from "./review.ts";
import { alertSections, REVIEW_QUEUE } from "./schema.ts";

export type { Policy };

export interface ComplianceDeps {
  database: Database;
  clock: Clock;
  /** The policy of the rules file as it is now. */
  policy(): Policy;
  /** Findings on changes end by themselves after so many days. */
  changeResolvesAfterDays(): number;
  findings: Pick<FindingVerbs, "reconcile" | "raiseRegistrations" | "resolveUnregistered" | "ageEvents">;
  restate(newest: { systemId: string; recordId: string }[]): Promise<void>;
}

export interface Compliance extends Domain {
  /** Must see each system's newest inventory. */
  keeper: StateKeeper;
}

export function openCompliance(deps: ComplianceDeps): Compliance {
  return {
    keeper: openKeeper(deps),
    jobs: reviewJobs(deps),
    schedules: [{ name: "alert-review", cron: "* * * * *", queue: REVIEW_QUEUE }],
  };
}

/** This domain's part of the rules file. */
export const ruleSections = { sections: alertSections, findFaults: findSectionFaults, read: openPolicy };
