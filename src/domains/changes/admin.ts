// Routes the feed of changes to operators' programs.
import { Elysia } from "elysia";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery } from "../../http/edge/query.ts";
import { rawResponse } from "../../values/json/raw.ts";
import type { ChangesApi } from "./api.ts";
import { Feed, FeedQuery } from "./schema.ts";

export function adminRoutes(changes: ChangesApi) {
  return new Elysia().get(
    "/changes",
    async ({ query }) => rawResponse("changes", await changes.read(readQuery(FeedQuery, query))),
    {
      detail: operation({
        summary: "Changes of all systems in the order of their commit, after a cursor",
        query: FeedQuery,
        data: Feed,
      }),
    },
  );
}
