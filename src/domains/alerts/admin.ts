// Serves alerts to operators: active ones, resolved ones, refused ones, and totals of each organization.
import { Elysia } from "elysia";
import { route } from "../../http/edge/route.ts";
import type { AlertsApi } from "./api.ts";
import { ActiveAlerts, ActiveQuery, HistoryPage, HistoryQuery } from "./schema.ts";
import { RefusedPage, RefusedQuery, TotalsPage, TotalsQuery } from "./schema.ts";

export function adminRoutes(api: AlertsApi) {
  const app = new Elysia({ prefix: "/alerts" });
  route(
    app,
    "GET",
    "/",
    {
      summary: "Active alerts, as Alertmanager lists them",
      query: ActiveQuery,
      data: ActiveAlerts,
      says: "active alerts listed",
    },
    ({ actor, query, request }) => api.active(actor, query, request.signal),
  );
  route(
    app,
    "GET",
    "/history",
    {
      summary: "Resolved alerts, newest first",
      query: HistoryQuery,
      data: HistoryPage,
      says: "past alerts listed",
    },
    ({ actor, query }) => api.history(actor, query),
  );
  route(
    app,
    "GET",
    "/refused",
    {
      summary: "Alerts of the last day that Alertmanager refused, newest first, and why",
      query: RefusedQuery,
      data: RefusedPage,
      says: "refused alerts listed",
    },
    ({ actor, query }) => api.refused(actor, query),
  );
  route(
    app,
    "GET",
    "/totals",
    {
      summary: "Active alerts by severity of each organization, counted every minute",
      query: TotalsQuery,
      data: TotalsPage,
      says: "totals listed",
    },
    ({ actor, query }) => api.totals(actor, query),
  );
  return app;
}
