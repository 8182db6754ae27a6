// Lists the domains, one line each: their routes, jobs, checks, metrics, settings and apis all come from here.
// The order of the lines means nothing: assemble.ts opens, starts and stops them by who asks whom.
export * as alerts from "../domains/alerts/index.ts";
export * as applications from "../domains/applications/index.ts";
export * as backups from "../domains/backups/index.ts";
export * as changes from "../domains/changes/index.ts";
export * as compliance from "../domains/compliance/index.ts";
export * as facts from "../domains/facts/index.ts";
export * as findings from "../domains/findings/index.ts";
export * as health from "../domains/health/index.ts";
export * as heartbeats from "../domains/heartbeats/index.ts";
export * as inventory from "../domains/inventory/index.ts";
export * as noise from "../domains/noise/index.ts";
export * as operators from "../domains/operators/index.ts";
export * as organizations from "../domains/organizations/index.ts";
export * as overview from "../domains/overview/index.ts";
export * as queues from "../domains/queues/index.ts";
export * as reachability from "../domains/reachability/index.ts";
export * as search from "../domains/search/index.ts";
export * as systems from "../domains/systems/index.ts";
