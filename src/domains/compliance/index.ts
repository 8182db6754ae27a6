// Compliance: does each system hold to what the operator's rules ask? Alerts with a cause, open as long as it lasts.
import type { Domain } from "../../domain.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { StateKeeper } from "../inventory/index.ts";
import type { System } from "../systems/index.ts";
import { adminRoutes } from "./admin.ts";
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
  changeResolvesAfterDays(): number;
  restate(newest: { systemId: string; recordId: string }[]): Promise<void>;
  showSystem(keyOrId: string): Promise<System>;
}

export interface Compliance extends Domain {
  /** Must see each system's newest inventory. */
  keeper: StateKeeper;
}

export function openCompliance(deps: ComplianceDeps): Compliance {
  return {
    keeper: openKeeper(deps),
    adminRoutes: adminRoutes(deps),
    jobs: reviewJobs(deps),
    schedules: [{ name: "alert-review", cron: "* * * * *", queue: REVIEW_QUEUE }],
  };
}

/** This domain's part of the rules file. */
export const ruleSections = { sections: alertSections, findFaults: findSectionFaults, read: openPolicy };
