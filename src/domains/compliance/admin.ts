// The operator's side of alerts on inventory: what is open and what was, and resolving one by hand.
import { Elysia } from "elysia";
import { Failure } from "../../errors.ts";
import { decodeCursor, encodeCursor } from "../../http/edge/cursor.ts";
import { envelope } from "../../http/edge/envelope.ts";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery } from "../../http/edge/query.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import { isUuid } from "../../values/uuid.ts";
import type { System } from "../systems/index.ts";
import * as reading from "./reading.ts";
import { AlertsQuery, InventoryAlert, InventoryAlerts } from "./schema.ts";

export interface AdminDeps {
  database: Database;
  clock: Clock;
  /** A Failure 404 for a key or id that no system has. */
  showSystem(keyOrId: string): Promise<System>;
}

export function adminRoutes({ database, clock, showSystem }: AdminDeps) {
  const list = async ({ cursor, system, ...query }: AlertsQuery) => {
    const before = decodeCursor(cursor, ["time", "uuid"]);
    const systemId = system === undefined ? undefined : (await showSystem(system)).system_id;
    const rows = await reading.listAlerts(database, query, systemId, before);
    const last = rows.length === query.limit ? rows.at(-1) : undefined;
    return {
      alerts: rows.map(({ sort_time, ...alert }) => alert),
      next_cursor: last ? encodeCursor(last.sort_time, last.id) : null,
    };
  };

  const resolve = async (id: string) => {
    if (isUuid(id)) await reading.resolveAlert(database, id, clock.now());
    const alert = isUuid(id) ? await reading.findAlert(database, id) : undefined;
    if (alert) return alert;
    throw new Failure("inventory.unknown_alert", 404, `no alert has the id ${JSON.stringify(id.slice(0, 80))}`);
  };

  return new Elysia({ prefix: "/inventory/alerts" })
    .get("/", async ({ query }) => envelope("inventory alerts listed", await list(readQuery(AlertsQuery, query))), {
      detail: operation({ summary: "Alerts on inventory, newest first", query: AlertsQuery, data: InventoryAlerts }),
    })
    .post("/:id/resolve", async ({ params }) => envelope("inventory alert resolved", await resolve(params.id)), {
      parse: "none",
      detail: operation({
        summary: "Resolve an alert; of a version or an advisory: accept it while its cause lasts",
        data: InventoryAlert,
      }),
    });
}
