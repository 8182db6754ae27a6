// Assembles the overview of the whole installation.
import { Elysia } from "elysia";
import type { DomainWith } from "../../domain.ts";
import { route } from "../../http/edge/route.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queue } from "../../ports/queue.ts";
import { openOverviewApi } from "./api.ts";
import type { Asked, OverviewApi } from "./api.ts";

interface OverviewDeps {
  clock: Clock;
  queue: Pick<Queue, "counts">;
  api: Asked;
}

export function open({ clock, queue, api: { findings, inventory, systems } }: OverviewDeps): DomainWith<OverviewApi> {
  const api = openOverviewApi({ clock, queue, findings, inventory, systems });
  const adminRoutes = new Elysia();
  route(
    adminRoutes,
    "GET",
    "/overview",
    { summary: "Totals of systems, changes of 24 hours, open alerts and queues", says: "overview" },
    ({ actor }) => api.show(actor),
  );
  return { api, adminRoutes };
}
