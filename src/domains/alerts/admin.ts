// Serves alerts to operators: active ones, resolved ones, refused ones, and totals of each organization.
import { Elysia } from "elysia";
import { decodeCursor, encodeCursor } from "../../http/edge/cursor.ts";
import { envelope } from "../../http/edge/envelope.ts";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery } from "../../http/edge/query.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { System } from "../systems/index.ts";
import type { Alertmanager } from "./upstream/alertmanager.ts";
import { listPast } from "./history/store.ts";
import { listTenants } from "./labels/identities.ts";
import { isRecord } from "../../values/json/record.ts";
import { listRefused } from "./outbox/store.ts";
import { ActiveAlerts, ActiveQuery, HistoryPage, HistoryQuery } from "./schema.ts";
import { RefusedPage, RefusedQuery, TotalsPage, TotalsQuery } from "./schema.ts";
import { scopeFilter } from "./labels/scope.ts";
import { listTotals } from "./totals.ts";

export interface AdminDeps {
  database: Database;
  clock: Clock;
  /** A Failure 503 while there is none. */
  alertmanager(): Alertmanager;
  /** A Failure 404 for a key or id that no system has. */
  showSystem(keyOrId: string): Promise<System>;
}

export function adminRoutes({ database, clock, alertmanager, showSystem }: AdminDeps) {
  /** One tenant after the other until there are enough; an alert is shown where its organisation says it belongs. */
  const active = async ({ system, organization, alertname, severity, limit }: ActiveQuery, signal: AbortSignal) => {
    const upstream = alertmanager();
    const { system_key, organization_id = organization } = system === undefined ? {} : await showSystem(system);
    const organizations = (await listTenants(database)).filter(
      (one) => organization_id === undefined || one.id === organization_id,
    );
    const filters = [
      ...(system_key === undefined ? [] : [scopeFilter(system_key)]),
      ...matchers({ organization_id, alertname, severity }),
    ];
    const query = new URLSearchParams(filters.map((filter): [string, string] => ["filter", filter]));
    const alerts: unknown[] = [];
    for (const [tenant, owners] of Map.groupBy(organizations, (one) => one.tenant)) {
      if (alerts.length > limit) break;
      const ids = new Set<unknown>(owners.map((one) => one.id));
      const room = limit + 1 - alerts.length;
      let kept = 0;
      const keep = (alert: unknown) =>
        kept < room &&
        isRecord(alert) &&
        isRecord(alert["labels"]) &&
        ids.has(alert["labels"]["organization_id"]) &&
        ++kept > 0;
      alerts.push(...(await upstream.list(tenant, { path: "alerts", isWhole: true, query, signal, keep })));
    }
    return { alerts: alerts.slice(0, limit), more: alerts.length > limit };
  };

  const history = async ({ cursor, system, ...query }: HistoryQuery) => {
    const before = decodeCursor(cursor, ["time", "uuid"]);
    const systemId = system === undefined ? undefined : (await showSystem(system)).system_id;
    const { rows, more } = await listPast(database, query, systemId, before);
    const last = more ? rows.at(-1) : undefined;
    return {
      alerts: rows.map(({ sort_time, ...alert }) => alert),
      next_cursor: last ? encodeCursor(last.sort_time, last.id) : null,
    };
  };

  const refused = async ({ cursor, system, limit }: RefusedQuery) => {
    const before = decodeCursor(cursor, ["time", "text", "text"]);
    const systemId = system === undefined ? undefined : (await showSystem(system)).system_id;
    const rows = await listRefused(database, systemId, before, limit);
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return {
      alerts: rows.map(({ subject, fingerprint, sort_time, ...alert }) => alert),
      next_cursor: last ? encodeCursor(last.sort_time, last.subject, last.fingerprint) : null,
    };
  };

  const totals = async ({ cursor, ...query }: TotalsQuery) => {
    const [after] = decodeCursor(cursor, ["text"]) ?? [];
    const rows = await listTotals(database, query, after, clock.now());
    const last = rows.length === query.limit ? rows.at(-1) : undefined;
    return { totals: rows, next_cursor: last ? encodeCursor(last.organization_id) : null };
  };

  return new Elysia({ prefix: "/alerts" })
    .get(
      "/",
      async ({ query, request }) =>
        envelope("active alerts listed", await active(readQuery(ActiveQuery, query), request.signal)),
      {
        detail: operation({
          summary: "Alerts that are active now, as Alertmanager tells them",
          query: ActiveQuery,
          data: ActiveAlerts,
        }),
      },
    )
    .get(
      "/history",
      async ({ query }) => envelope("past alerts listed", await history(readQuery(HistoryQuery, query))),
      {
        detail: operation({ summary: "Alerts that are over, newest first", query: HistoryQuery, data: HistoryPage }),
      },
    )
    .get(
      "/refused",
      async ({ query }) => envelope("refused alerts listed", await refused(readQuery(RefusedQuery, query))),
      {
        detail: operation({
          summary: "Alerts of the last day that Alertmanager refused, newest first, and why",
          query: RefusedQuery,
          data: RefusedPage,
        }),
      },
    )
    .get("/totals", async ({ query }) => envelope("totals listed", await totals(readQuery(TotalsQuery, query))), {
      detail: operation({
        summary: "Active alerts by severity of each organization, counted every minute",
        query: TotalsQuery,
        data: TotalsPage,
      }),
    });
}

/** Exact ones, quoted as Alertmanager reads them. */
const matchers = (wanted: Record<string, string | undefined>) =>
  Object.entries(wanted).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`],
  );
