// Routes operators' questions about applications.
import { Elysia } from "elysia";
import { route } from "../../http/edge/route.ts";
import type { ApplicationsApi } from "./api.ts";
import { ApplicationPage, ApplicationsQuery, FleetApplications } from "./schema.ts";

export function adminRoutes(api: ApplicationsApi) {
  const app = new Elysia();
  route(
    app,
    "GET",
    "/systems/:key/applications",
    {
      summary: "What runs on an NS8 cluster, by module id, and how many of each kind",
      query: ApplicationsQuery,
      data: ApplicationPage,
      says: "applications listed",
      isRaw: true,
    },
    ({ actor, params, query }) => api.list(actor, params.key, query),
  );
  route(
    app,
    "GET",
    "/applications",
    {
      summary: "How many applications of each kind the fleet has",
      data: FleetApplications,
      says: "applications counted",
      isRaw: true,
    },
    ({ actor }) => api.count(actor),
  );
  return app;
}
