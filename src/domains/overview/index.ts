// Sums the installation up: systems by status, changes of the last day, open alerts, queues.
import { Elysia } from "elysia";
import type { Domain } from "../../domain.ts";
import { envelope } from "../../http/edge/envelope.ts";
import { operation } from "../../http/edge/openapi.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queue } from "../../ports/queue.ts";
import { MUSTER } from "../../values/actor.ts";
import { DAY_MS } from "../../values/time.ts";
import type { FindingsApi } from "../findings/index.ts";
import type { InventoryReader } from "../inventory/index.ts";
import type { Systems } from "../systems/index.ts";

export interface OverviewDeps {
  clock: Clock;
  queue: Pick<Queue, "counts">;
  api: {
    findings: Pick<FindingsApi, "overview">;
    inventory: { reader: Pick<InventoryReader, "countChanges"> };
    systems: Pick<Systems, "count">;
  };
}

export function open({ clock, queue, api: { findings, inventory, systems: known } }: OverviewDeps): Domain {
  const adminRoutes = new Elysia().get(
    "/overview",
    async () => {
      const since = new Date(clock.now().getTime() - DAY_MS);
      const [counts, changes, open, queues] = await Promise.all([
        known.count(MUSTER),
        inventory.reader.countChanges(since),
        findings.overview(),
        queue.counts(),
      ]);
      const { unknown = 0, active = 0, inactive = 0, suspended = 0 } = counts;
      const systems = { total: unknown + active + inactive + suspended, active, inactive, unknown, suspended };
      return envelope("overview", { systems, changes_24h: changes, ...open, queues });
    },
    { detail: operation({ summary: "Totals of systems, changes of 24 hours, open alerts and queues" }) },
  );
  return { adminRoutes };
}
