// Routes the feed of changes to operators' programs.
import { Elysia } from "elysia";
import { route } from "../../http/edge/route.ts";
import type { ChangesApi } from "./api.ts";
import { Feed, FeedQuery } from "./schema.ts";

export function adminRoutes(api: ChangesApi) {
  const app = new Elysia();
  route(
    app,
    "GET",
    "/changes",
    {
      summary: "Changes of all systems in the order of their commit, after a cursor",
      query: FeedQuery,
      data: Feed,
      says: "changes",
      isRaw: true,
    },
    ({ actor, query }) => api.read(actor, query),
  );
  return app;
}
