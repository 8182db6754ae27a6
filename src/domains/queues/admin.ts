// Serves operators' requests about queues: count, list, redrive, discard.
import { Elysia } from "elysia";
import { route } from "../../http/edge/route.ts";
import type { QueuesApi } from "./api.ts";
import { ListQuery, Selection } from "./schema.ts";

export function adminRoutes(api: QueuesApi) {
  const app = new Elysia({ prefix: "/queues" });
  route(app, "GET", "/", { summary: "Counts of every queue", says: "queues counted" }, async ({ actor }) => ({
    queues: await api.counts(actor),
  }));
  route(
    app,
    "GET",
    "/:queue",
    { summary: "Jobs of a queue in one state, oldest first", query: ListQuery, says: "jobs listed" },
    ({ actor, params, query }) => api.list(actor, params.queue, query),
  );
  route(
    app,
    "POST",
    "/:queue/redrive",
    { summary: "Try dead jobs again", body: Selection, says: "dead jobs redriven" },
    async ({ actor, params, body }) => ({ redriven: await api.redrive(actor, params.queue, body.ids) }),
  );
  route(
    app,
    "POST",
    "/:queue/discard",
    { summary: "Delete dead jobs", body: Selection, says: "dead jobs discarded" },
    async ({ actor, params, body }) => ({ discarded: await api.discard(actor, params.queue, body.ids) }),
  );
  return app;
}
