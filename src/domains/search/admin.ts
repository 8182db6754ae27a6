// Routes operators' questions about the newest inventories of all systems.
import { Elysia } from "elysia";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery } from "../../http/edge/query.ts";
import { rawResponse } from "../../values/json/raw.ts";
import type { SearchApi } from "./api.ts";
import { Facets, FacetsQuery, Outliers, OutliersQuery, Paths, PathsQuery, Search, SearchQuery } from "./schema.ts";

export function adminRoutes(search: SearchApi) {
  return new Elysia()
    .get(
      "/inventory/query",
      async ({ query }) => rawResponse("systems found", await search.query(readQuery(SearchQuery, query))),
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
      async ({ query }) => rawResponse("values counted", await search.facets(readQuery(FacetsQuery, query))),
      {
        detail: operation({
          summary: "Values of a path and how many systems hold each",
          query: FacetsQuery,
          data: Facets,
        }),
      },
    )
    .get(
      "/inventory/odd",
      async ({ query }) => rawResponse("odd ones out", await search.outliers(readQuery(OutliersQuery, query))),
      {
        detail: operation({
          summary: "Values that fewer than 1 % of the systems of a type hold",
          query: OutliersQuery,
          data: Outliers,
        }),
      },
    )
    .get(
      "/inventory/paths",
      async ({ query }) => rawResponse("paths listed", await search.paths(readQuery(PathsQuery, query))),
      {
        detail: operation({ summary: "Paths that inventories have", query: PathsQuery, data: Paths }),
      },
    );
}
