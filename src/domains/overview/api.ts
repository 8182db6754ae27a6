// Sums the installation up: systems by status, changes of the last day, open alerts, queues.
import type { Clock } from "../../ports/clock.ts";
import type { Queue } from "../../ports/queue.ts";
import type { Actor } from "../../values/actor.ts";
import { DAY_MS } from "../../values/time.ts";
import type { FindingsApi } from "../findings/api.ts";
import type { InventoryApi } from "../inventory/api.ts";
import type { SystemsApi } from "../systems/api.ts";

/** What other domains answer. */
export interface Asked {
  systems: Pick<SystemsApi, "count">;
  inventory: Pick<InventoryApi, "countChanges">;
  findings: Pick<FindingsApi, "overview">;
}

interface OverviewApiDeps extends Asked {
  clock: Clock;
  queue: Pick<Queue, "counts">;
}

export type OverviewApi = ReturnType<typeof openOverviewApi>;

export function openOverviewApi({ clock, queue, systems, inventory, findings }: OverviewApiDeps) {
  return {
    async show(actor: Actor) {
      const since = new Date(clock.now().getTime() - DAY_MS);
      const [counts, changes, open, queues] = await Promise.all([
        systems.count(actor),
        inventory.countChanges(actor, since),
        findings.overview(actor),
        queue.counts(),
      ]);
      const { unknown = 0, active = 0, inactive = 0, suspended = 0 } = counts;
      const total = unknown + active + inactive + suspended;
      return {
        systems: { total, active, inactive, unknown, suspended },
        changes_24h: changes,
        ...open,
        queues,
      };
    },
  };
}
