// Assembles the operators' side of the queues, and the checks of what waits and what died.
import type { DomainWith } from "../../domain.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queue } from "../../ports/queue.ts";
import { MUSTER } from "../../values/actor.ts";
import type { SystemsApi } from "../systems/api.ts";
import { adminRoutes } from "./admin.ts";
import { openQueuesApi } from "./api.ts";
import type { QueuesApi } from "./api.ts";
import type { QueuesSettings } from "./settings.ts";
import { findLongWaiting } from "./waiting.ts";

export { settings } from "./settings.ts";

interface QueuesDeps {
  queue: Queue;
  clock: Clock;
  settings: QueuesSettings;
  api: { systems: Pick<SystemsApi, "show"> };
}

export function open({ queue, clock, settings: { maxWaitMs }, api: { systems } }: QueuesDeps): DomainWith<QueuesApi> {
  const api = openQueuesApi(queue);
  const showSystem = (keyOrId: string) => systems.show(MUSTER, keyOrId);
  return {
    api,
    adminRoutes: adminRoutes(api),
    checks: [
      {
        name: "queues",
        well: () => "No work waits longer than QUEUE_MAX_WAIT.",
        advice: '"muster queues list QUEUE --state pending" shows it. Is a worker running (ROLES)?',
        run: () => findLongWaiting({ queue, clock, maxWaitMs, showSystem }),
      },
      {
        name: "dead jobs",
        onDemand: true,
        run: async () => describeDead(await queue.counts()),
        advice: '"muster queues list QUEUE" says why; "muster queues redrive QUEUE" tries them again.',
        well: () => "No job was given up.",
      },
    ],
  };
}

function describeDead(counts: Record<string, { dead: number }>): string | undefined {
  const dead = Object.entries(counts).filter(([, one]) => one.dead > 0);
  if (dead.length === 0) return undefined;
  return `Jobs were given up: ${dead.map(([name, one]) => `${one.dead} in ${name}`).join(", ")}.`;
}
