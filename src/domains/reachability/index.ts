// Assembles what fires LinkFailed for a silent system and one SiteUnreachable for a silent site, until they are heard again.
import type { Domain } from "../../domain.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Push, Queue } from "../../ports/queue.ts";
import type { AlertSource } from "../alerts/index.ts";
import { LINK_QUEUE, LINK_TICK_QUEUE } from "./schema.ts";
import { isTick, recoveryPush, tickPush, watchLinks } from "./watch.ts";

export interface ReachabilityDeps {
  database: Database;
  queue: Queue;
  clock: Clock;
  /** Undefined: no Alertmanager is set, and nothing fires. */
  alerts: AlertSource | undefined;
  heartbeatTimeoutMinutes: number;
  linkFailedIntervalMs: number;
  sitePercent: number;
  siteMinimum: number;
}

export interface Reachability extends Domain {
  /** What is to be done when inactive systems are heard again. */
  recovered(systemIds: readonly string[]): Push[];
}

export function openReachability(deps: ReachabilityDeps): Reachability {
  const { database, queue, clock, alerts, sitePercent, siteMinimum, linkFailedIntervalMs: intervalMs } = deps;
  if (!alerts) return { recovered: () => [] };
  const timeoutMs = deps.heartbeatTimeoutMinutes * 60_000;
  const watched = { database, clock, alerts, timeoutMs, intervalMs, sitePercent, siteMinimum };
  // Extended while they work; the jobs of a process that was killed come back this soon.
  const one = { batch: 1, batchBytes: 1024 ** 2, concurrency: 1, leaseMs: 15_000 };
  return {
    jobs: [
      {
        ...one,
        queue: LINK_TICK_QUEUE,
        async handle([job]) {
          // A dead tick would hold its key for ever, and no other tick would follow.
          await queue.redrive(LINK_QUEUE);
          return [isTick(job?.payload ?? "", intervalMs) ? [tickPush()] : []];
        },
      },
      { ...one, queue: LINK_QUEUE, handle: async ([job]) => [job ? await watchLinks(watched, job) : []] },
    ],
    schedules: [{ name: "link-failed", cron: "* * * * *", queue: LINK_TICK_QUEUE }],
    recovered: (systemIds) => (systemIds.length > 0 ? [recoveryPush(systemIds)] : []),
  };
}
