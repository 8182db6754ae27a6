// Serves operators the alerts on inventory: what is open and what was, and resolving one by hand.
import { Elysia } from "elysia";
import { envelope } from "../../http/edge/envelope.ts";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery } from "../../http/edge/query.ts";
import type { FindingsApi } from "./api.ts";
import { AlertsQuery, InventoryAlert, InventoryAlerts } from "./schema.ts";

export function adminRoutes(findings: Pick<FindingsApi, "list" | "resolve">) {
  return new Elysia({ prefix: "/inventory/alerts" })
    .get(
      "/",
      async ({ query }) => envelope("inventory alerts listed", await findings.list(readQuery(AlertsQuery, query))),
      {
        detail: operation({ summary: "Alerts on inventory, newest first", query: AlertsQuery, data: InventoryAlerts }),
      },
    )
    .post(
      "/:id/resolve",
      async ({ params }) => envelope("inventory alert resolved", await findings.resolve(params.id)),
      {
        parse: "none",
        detail: operation({
          summary: "Resolve an alert; of a version or an advisory: accept it while its cause lasts",
          data: InventoryAlert,
        }),
      },
    );
}
