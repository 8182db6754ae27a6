// Assembles what fires LinkFailed for a silent system and one SiteUnreachable for a silent site, until they are heard again.
import type { DomainWith } from "../../domain.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Push, Queue } from "../../ports/queue.ts";
import type { AlertSource } from "../alerts/index.ts";
import { LINK_QUEUE, LINK_TICK_QUEUE } from "./schema.ts";
import type { ReachabilitySettings } from "./settings.ts";
import { isTick, recoveryPush, tickPush, watchLinks } from "./watch.ts";

export { settings } from "./settings.ts";

interface ReachabilityDeps {
  database: Database;
  queue: Queue;
  clock: Clock;
  settings: ReachabilitySettings;
  api: {
    /** Undefined: no Alertmanager is set, and nothing fires. */
    alerts: { source: AlertSource | undefined };
    heartbeats: { timeoutMs: number };
  };
}

interface Reachability {
  /** What is to be done when inactive systems are heard again. */
  recovered(systemIds: readonly string[]): Push[];
}

export function open({ database, queue, clock, settings, api }: ReachabilityDeps): DomainWith<Reachability> {
  const { sitePercent, siteMinimum, linkFailedIntervalMs: intervalMs } = settings;
  const { source: alerts } = api.alerts;
  if (!alerts) return { api: { recovered: () => [] } };
  const { timeoutMs } = api.heartbeats;
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
    api: { recovered: (systemIds) => (systemIds.length > 0 ? [recoveryPush(systemIds)] : []) },
  };
}
