// Routes operators' questions about the newest inventories of all systems.
import { Elysia } from "elysia";
import { route } from "../../http/edge/route.ts";
import type { SearchApi } from "./api.ts";
import { Facets, FacetsQuery, Outliers, OutliersQuery, Paths, PathsQuery, Search, SearchQuery } from "./schema.ts";

export function adminRoutes(api: SearchApi) {
  const app = new Elysia();
  route(
    app,
    "GET",
    "/inventory/query",
    {
      summary: "Systems whose newest inventory meets conditions",
      query: SearchQuery,
      data: Search,
      says: "systems found",
      isRaw: true,
    },
    ({ actor, query }) => api.query(actor, query),
  );
  route(
    app,
    "GET",
    "/inventory/facets",
    {
      summary: "Values of a path and how many systems hold each",
      query: FacetsQuery,
      data: Facets,
      says: "values counted",
      isRaw: true,
    },
    ({ actor, query }) => api.facets(actor, query),
  );
  route(
    app,
    "GET",
    "/inventory/outliers",
    {
      formerPath: "/inventory/odd",
      summary: "Values that fewer than 1 % of the systems of a type hold",
      query: OutliersQuery,
      data: Outliers,
      says: "outliers listed",
      isRaw: true,
    },
    ({ actor, query }) => api.outliers(actor, query),
  );
  route(
    app,
    "GET",
    "/inventory/paths",
    { summary: "Paths that inventories have", query: PathsQuery, data: Paths, says: "paths listed", isRaw: true },
    ({ actor, query }) => api.paths(actor, query),
  );
  return app;
}
