// Serves operators the alerts on inventory: what is open and what was, and resolving one by hand.
import { Elysia } from "elysia";
import { route } from "../../http/edge/route.ts";
import type { FindingsApi } from "./api.ts";
import { AlertsQuery, InventoryAlert, InventoryAlerts } from "./schema.ts";

export function adminRoutes(api: Pick<FindingsApi, "list" | "resolve">) {
  const app = new Elysia({ prefix: "/inventory/alerts" });
  route(
    app,
    "GET",
    "/",
    {
      summary: "Alerts on inventory, newest first",
      query: AlertsQuery,
      data: InventoryAlerts,
      says: "inventory alerts listed",
    },
    ({ actor, query }) => api.list(actor, query),
  );
  route(
    app,
    "POST",
    "/:id/resolve",
    {
      summary: "Resolve an alert; of a version or an advisory: accept it while its cause lasts",
      data: InventoryAlert,
      says: "inventory alert resolved",
    },
    ({ actor, params }) => api.resolve(actor, params.id),
  );
  return app;
}
