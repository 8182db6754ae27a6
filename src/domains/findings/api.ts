// Lists findings for operators, takes an operator's "I know", and sums up what is open.
import { Failure } from "../../errors.ts";
import { readPage } from "../../http/edge/page.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Actor } from "../../values/actor.ts";
import { isUuid } from "../../values/uuid.ts";
import type { System } from "../systems/index.ts";
import { resolutionByOperator } from "./kinds.ts";
import { countOpenAlerts, findAlert, listAlerts, listOpenAlerts } from "./reading.ts";
import type { AlertRow, OpenAlert } from "./reading.ts";
import type { AlertsQuery } from "./schema.ts";
import { resolveOne } from "./store.ts";

interface FindingsApiDeps {
  database: Queryable;
  clock: Clock;
  /** A Failure 404 for a key or id that no system has. */
  showSystem(actor: Actor, keyOrId: string): Promise<System>;
}

export interface FindingsApi {
  /** Newest first. */
  list(actor: Actor, query: AlertsQuery): Promise<{ alerts: AlertRow[]; next_cursor: string | null }>;
  /** An operator's "I know"; a condition stays accepted while its cause lasts. Of one that is not open nothing changes. */
  resolve(actor: Actor, id: string): Promise<AlertRow>;
  /** Open ones by severity, and the newest of them. */
  overview(actor: Actor): Promise<{ open_alerts: Record<string, number>; newest_alerts: OpenAlert[] }>;
}

const NEWEST = 20;

export function openFindingsApi({ database, clock, showSystem }: FindingsApiDeps): FindingsApi {
  return {
    async list(actor, { cursor, system, ...query }) {
      const { rows, next_cursor } = await readPage({
        limit: query.limit,
        cursor,
        keys: ["time", "uuid"],
        async read(before, limit) {
          const systemId = system === undefined ? undefined : (await showSystem(actor, system)).system_id;
          return listAlerts(database, { ...query, limit }, systemId, before);
        },
        keyOf: (row) => [row.sort_time, row.id],
      });
      return { alerts: rows.map(({ sort_time, ...alert }) => alert), next_cursor };
    },

    async resolve(_actor, id) {
      const found = isUuid(id) ? await findAlert(database, id) : undefined;
      if (found) await resolveOne(database, id, resolutionByOperator(found.alert_type), clock.now());
      const resolved = found && (await findAlert(database, id));
      if (resolved) return resolved;
      throw new Failure("inventory.unknown_alert", 404, `no alert has the id ${JSON.stringify(id.slice(0, 80))}`);
    },

    async overview() {
      const [open, newest] = await Promise.all([countOpenAlerts(database), listOpenAlerts(database, NEWEST)]);
      return { open_alerts: open, newest_alerts: newest };
    },
  };
}
