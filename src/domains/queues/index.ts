// Shows operators the queues, and redrives or discards their dead jobs.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";
import { Elysia } from "elysia";
import type { Domain } from "../../domain.ts";
import type { BodyReader } from "../../http/edge/body.ts";
import { decodeCursor, encodeCursor } from "../../http/edge/cursor.ts";
import { envelope } from "../../http/edge/envelope.ts";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery } from "../../http/edge/query.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queue } from "../../ports/queue.ts";
import { MUSTER } from "../../values/actor.ts";
import { findLongWaiting } from "./waiting.ts";
import type { QueuesSettings } from "./settings.ts";
import type { Systems } from "../systems/index.ts";

export { settings } from "./settings.ts";

const STATES = ["pending", "delayed", "active", "dead"] as const;

const ListQuery = Type.Object({
  state: Type.Union(
    STATES.map((state) => Type.Literal(state)),
    { default: "dead" },
  ),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
});

/** Dead jobs; all of the queue when `ids` is left out. */
const Selection = Type.Object({
  ids: Type.Optional(Type.Array(Type.String({ pattern: "^[\\w-]{1,64}$" }), { maxItems: 1000 })),
});

export interface QueuesDeps {
  queue: Queue;
  clock: Clock;
  body: BodyReader;
  settings: QueuesSettings;
  api: { systems: Pick<Systems, "show"> };
}

export function open({ queue, clock, body, settings, api }: QueuesDeps): Domain {
  const list = async (name: string, { state, limit, cursor }: Static<typeof ListQuery>) => {
    const jobs = await queue.list(name, state, limit, decodeCursor(cursor, ["text"])?.[0]);
    const last = jobs.length === limit ? jobs.at(-1) : undefined;
    // Payloads stay inside: they hold what appliances sent.
    const shown = jobs.map(({ payload, payloadBytes, ...job }) => ({ ...job, payload_bytes: payloadBytes }));
    return { jobs: shown, next_cursor: last ? encodeCursor(last.id) : null };
  };

  const adminRoutes = new Elysia({ prefix: "/queues" })
    .get("/", async () => envelope("queues counted", { queues: await queue.counts() }), {
      detail: operation({ summary: "Counts of every queue" }),
    })
    .get(
      "/:queue",
      async ({ params, query }) => envelope("jobs listed", await list(params.queue, readQuery(ListQuery, query))),
      {
        detail: operation({ summary: "Jobs of a queue in one state, oldest first", query: ListQuery }),
      },
    )
    .post(
      "/:queue/redrive",
      async ({ params, request }) => {
        const { ids } = await body.json(request, Selection);
        return envelope("dead jobs redriven", { redriven: await queue.redrive(params.queue, ids) });
      },
      { parse: "none", detail: operation({ summary: "Try dead jobs again", body: Selection }) },
    )
    .post(
      "/:queue/discard",
      async ({ params, request }) => {
        const { ids } = await body.json(request, Selection);
        return envelope("dead jobs discarded", { discarded: await queue.discard(params.queue, ids) });
      },
      { parse: "none", detail: operation({ summary: "Delete dead jobs", body: Selection }) },
    );
  return {
    adminRoutes,
    checks: [
      {
        name: "queues",
        advice: '"muster queues list QUEUE --state pending" shows it. Is a worker running (ROLES)?',
        run: () =>
          findLongWaiting({
            queue,
            clock,
            maxWaitMs: settings.maxWaitMs,
            showSystem: (keyOrId) => api.systems.show(MUSTER, keyOrId),
          }),
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
