// Lists the applications of a cluster, and counts those of the fleet.
import { decodeCursor, encodeCursor } from "../../http/edge/cursor.ts";
import type { Queryable } from "../../ports/database.ts";
import { RawJson } from "../../values/json/raw.ts";
import type { System } from "../systems/index.ts";
import type { ApplicationsQuery } from "./schema.ts";
import { countInstances, listApplications } from "./store.ts";

interface ApplicationsApiDeps {
  database: Queryable;
  /** A Failure 404 for a key or id that no system has. */
  showSystem(keyOrId: string): Promise<System>;
}

export type ApplicationsApi = ReturnType<typeof openApplicationsApi>;

/** Kinds that are listed at most; the fleet has about a hundred. */
const MAX_KINDS = 1_000;

export function openApplicationsApi({ database, showSystem }: ApplicationsApiDeps) {
  return {
    async list(key: string, { cursor, ...query }: ApplicationsQuery) {
      const { system_id: systemId } = await showSystem(key);
      const after = decodeCursor(cursor, ["text"])?.[0];
      const [rows, counts] = await Promise.all([
        listApplications(database, systemId, query, after),
        countInstances(database, systemId, MAX_KINDS),
      ]);
      const last = rows.length === query.limit ? rows.at(-1) : undefined;
      return {
        applications: rows.map(({ inventory_text, ...row }) => ({
          ...row,
          inventory_data: new RawJson(inventory_text),
        })),
        counts,
        next_cursor: last ? encodeCursor(last.module_id) : null,
      };
    },

    count: async () => ({ counts: await countInstances(database, null, MAX_KINDS) }),
  };
}
