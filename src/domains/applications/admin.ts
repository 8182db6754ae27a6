// Routes operators' questions about applications.
import { Elysia } from "elysia";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery } from "../../http/edge/query.ts";
import { rawResponse } from "../../values/json/raw.ts";
import type { ApplicationsApi } from "./api.ts";
import { ApplicationPage, ApplicationsQuery, FleetApplications } from "./schema.ts";

export function adminRoutes(applications: ApplicationsApi) {
  return new Elysia()
    .get(
      "/systems/:key/applications",
      async ({ params, query }) =>
        rawResponse("applications listed", await applications.list(params.key, readQuery(ApplicationsQuery, query))),
      {
        detail: operation({
          summary: "What runs on an NS8 cluster, by module id, and how many of each kind",
          query: ApplicationsQuery,
          data: ApplicationPage,
        }),
      },
    )
    .get("/applications", async () => rawResponse("applications counted", await applications.count()), {
      detail: operation({ summary: "How many applications of each kind the fleet has", data: FleetApplications }),
    });
}
