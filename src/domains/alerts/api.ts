// Lists alerts for operators: active ones, resolved ones, refused ones, and totals of each organization.
import { readPage } from "../../http/edge/page.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Actor } from "../../values/actor.ts";
import { isRecord } from "../../values/json/record.ts";
import type { System } from "../systems/index.ts";
import { listPast } from "./history/store.ts";
import { listTenants } from "./labels/identities.ts";
import { scopeFilter } from "./labels/scope.ts";
import { listRefused } from "./outbox/store.ts";
import type { ActiveQuery, HistoryQuery, RefusedQuery, TotalsQuery } from "./schema.ts";
import { listTotals } from "./totals.ts";
import type { Alertmanager } from "./upstream/alertmanager.ts";

export { askAlertmanager } from "./upstream/alertmanager.ts";

interface AlertsApiDeps {
  database: Database;
  clock: Clock;
  /** A Failure 503 while there is none. */
  alertmanager(): Alertmanager;
  /** A Failure 404 for a key or id that no system has. */
  showSystem(actor: Actor, keyOrId: string): Promise<System>;
}

export type AlertsApi = ReturnType<typeof openAlertsApi>;

export function openAlertsApi({ database, clock, alertmanager, showSystem }: AlertsApiDeps) {
  const idOf = async (actor: Actor, system: string | undefined) =>
    system === undefined ? undefined : (await showSystem(actor, system)).system_id;

  return {
    /** Asks one tenant after the other until there are enough alerts; an alert counts for the organization that its label names. */
    async active(actor: Actor, { system, organization, alertname, severity, limit }: ActiveQuery, signal: AbortSignal) {
      const upstream = alertmanager();
      const asked = system === undefined ? undefined : await showSystem(actor, system);
      const organization_id = asked?.organization_id ?? organization;
      const organizations = (await listTenants(database)).filter(
        (one) => organization_id === undefined || one.id === organization_id,
      );
      const filters = [
        ...(asked === undefined ? [] : [scopeFilter(asked.system_key)]),
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
    },

    async history(actor: Actor, { cursor, system, ...query }: HistoryQuery) {
      const { rows, next_cursor } = await readPage({
        limit: query.limit,
        cursor,
        keys: ["time", "uuid"],
        read: async (before) => listPast(database, query, await idOf(actor, system), before),
        keyOf: (row) => [row.sort_time, row.id],
      });
      return { alerts: rows.map(({ sort_time, ...alert }) => alert), next_cursor };
    },

    async refused(actor: Actor, { cursor, system, limit }: RefusedQuery) {
      const { rows, next_cursor } = await readPage({
        limit,
        cursor,
        keys: ["time", "text", "text"],
        read: async (before, count) => listRefused(database, await idOf(actor, system), before, count),
        keyOf: (row) => [row.sort_time, row.subject, row.fingerprint],
      });
      return { alerts: rows.map(({ subject, fingerprint, sort_time, ...alert }) => alert), next_cursor };
    },

    async totals(_actor: Actor, { cursor, ...query }: TotalsQuery) {
      const { rows, next_cursor } = await readPage({
        limit: query.limit,
        cursor,
        keys: ["text"],
        read: (after, limit) => listTotals(database, { ...query, limit }, after?.[0], clock.now()),
        keyOf: (row) => [row.organization_id],
      });
      return { totals: rows, next_cursor };
    },
  };
}

/** Exact matchers, quoted for Alertmanager. */
const matchers = (wanted: Record<string, string | undefined>) =>
  Object.entries(wanted).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${value.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`],
  );
