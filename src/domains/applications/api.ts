// Lists the applications of a cluster, and counts those of the fleet.
import { readPage } from "../../http/edge/page.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Actor } from "../../values/actor.ts";
import { RawJson } from "../../values/json/raw.ts";
import type { System } from "../systems/index.ts";
import type { ApplicationsQuery } from "./schema.ts";
import { countInstances, listApplications } from "./store.ts";

interface ApplicationsApiDeps {
  database: Queryable;
  /** A Failure 404 for a key or id that no system has. */
  showSystem(actor: Actor, keyOrId: string): Promise<System>;
}

export type ApplicationsApi = ReturnType<typeof openApplicationsApi>;

/** Kinds that are listed at most; the fleet has about a hundred. */
const MAX_KINDS = 1_000;

export function openApplicationsApi({ database, showSystem }: ApplicationsApiDeps) {
  return {
    async list(actor: Actor, key: string, { cursor, ...query }: ApplicationsQuery) {
      const { system_id: systemId } = await showSystem(actor, key);
      const [{ rows, next_cursor }, counts] = await Promise.all([
        readPage({
          limit: query.limit,
          cursor,
          keys: ["text"],
          read: (after, limit) => listApplications(database, systemId, { ...query, limit }, after?.[0]),
          keyOf: (row) => [row.module_id],
        }),
        countInstances(database, systemId, MAX_KINDS),
      ]);
      const applications = rows.map(({ inventory_text, ...row }) => ({
        ...row,
        inventory_data: new RawJson(inventory_text),
      }));
      return { applications, counts, next_cursor };
    },

    count: async (_actor: Actor) => ({ counts: await countInstances(database, null, MAX_KINDS) }),
  };
}
