// Lists findings for operators, takes an operator's "I know", and sums up what is open.
import { Failure } from "../../errors.ts";
import { decodeCursor, encodeCursor } from "../../http/edge/cursor.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queryable } from "../../ports/database.ts";
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
  showSystem(keyOrId: string): Promise<System>;
}

export interface FindingsApi {
  /** Newest first. */
  list(query: AlertsQuery): Promise<{ alerts: AlertRow[]; next_cursor: string | null }>;
  /** An operator's "I know"; a condition stays accepted while its cause lasts. Of one that is not open nothing changes. */
  resolve(id: string): Promise<AlertRow>;
  /** Open ones by severity, and the newest of them. */
  overview(): Promise<{ open_alerts: Record<string, number>; newest_alerts: OpenAlert[] }>;
}

const NEWEST = 20;

export function openFindingsApi({ database, clock, showSystem }: FindingsApiDeps): FindingsApi {
  return {
    async list({ cursor, system, ...query }) {
      const before = decodeCursor(cursor, ["time", "uuid"]);
      const systemId = system === undefined ? undefined : (await showSystem(system)).system_id;
      const rows = await listAlerts(database, query, systemId, before);
      const last = rows.length === query.limit ? rows.at(-1) : undefined;
      return {
        alerts: rows.map(({ sort_time, ...alert }) => alert),
        next_cursor: last ? encodeCursor(last.sort_time, last.id) : null,
      };
    },

    async resolve(id) {
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
