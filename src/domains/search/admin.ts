// The operator's questions about the whole fleet.
import { Elysia } from "elysia";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery } from "../../http/edge/query.ts";
import type { Documents } from "../inventory/index.ts";
import type { FleetReader } from "../facts/index.ts";
import {
  Facets,
  FacetsQuery,
  Feed,
  FeedQuery,
  Odd,
  OddQuery,
  Paths,
  PathsQuery,
  Search,
  SearchQuery,
} from "./schema.ts";

export function adminRoutes(fleet: FleetReader, { respond }: Pick<Documents, "respond">) {
  return new Elysia()
    .get(
      "/inventory/query",
      async ({ query }) => respond("systems found", await fleet.search(readQuery(SearchQuery, query))),
      {
        detail: operation({
          summary: "Systems whose newest inventory meets conditions",
          query: SearchQuery,
          data: Search,
        }),
      },
    )
    .get(
      "/inventory/facets",
      async ({ query }) => respond("values counted", await fleet.facets(readQuery(FacetsQuery, query))),
      {
        detail: operation({
          summary: "Values of a path and how many systems hold each",
          query: FacetsQuery,
          data: Facets,
        }),
      },
    )
    .get("/inventory/odd", async ({ query }) => respond("odd ones out", await fleet.odd(readQuery(OddQuery, query))), {
      detail: operation({
        summary: "Values that fewer than 1 % of the systems of a type hold",
        query: OddQuery,
        data: Odd,
      }),
    })
    .get(
      "/inventory/paths",
      async ({ query }) => respond("paths listed", await fleet.paths(readQuery(PathsQuery, query))),
      {
        detail: operation({ summary: "Paths that inventories have", query: PathsQuery, data: Paths }),
      },
    )
    .get("/changes", async ({ query }) => respond("changes", await fleet.changes(readQuery(FeedQuery, query))), {
      detail: operation({
        summary: "Changes of all systems in the order of their commit, after a cursor",
        query: FeedQuery,
        data: Feed,
      }),
    });
}
