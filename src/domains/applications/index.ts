// Applications: what runs on NS8 clusters, kept from their newest inventories, listed for operators.
import { Elysia } from "elysia";
import type { Domain } from "../../domain.ts";
import { decodeCursor, encodeCursor } from "../../http/edge/cursor.ts";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery } from "../../http/edge/query.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Documents, StateKeeper } from "../inventory/index.ts";
import type { System } from "../systems/index.ts";
import { keepApplications } from "./keep.ts";
import { ApplicationPage, ApplicationsQuery, FleetApplications } from "./schema.ts";
import { countInstances, listApplications } from "./store.ts";

export interface ApplicationsDeps {
  database: Queryable;
  documents: Pick<Documents, "gapsOf" | "raw" | "respond">;
  /** A Failure 404 for a key or id that no system has. */
  showSystem(keyOrId: string): Promise<System>;
}

export interface Applications extends Domain {
  keep: StateKeeper;
  list: ReturnType<typeof openList>;
}

/** Kinds of applications told of at most; the fleet has about a hundred. */
const MAX_KINDS = 1_000;

export function openApplications({ database, documents, showSystem }: ApplicationsDeps): Applications {
  const list = openList({ database, documents, showSystem });
  const adminRoutes = new Elysia()
    .get(
      "/systems/:key/applications",
      async ({ params, query }) =>
        documents.respond("applications listed", await list(params.key, readQuery(ApplicationsQuery, query))),
      {
        detail: operation({
          summary: "What runs on an NS8 cluster, by module id, and how many of each kind",
          query: ApplicationsQuery,
          data: ApplicationPage,
        }),
      },
    )
    .get(
      "/applications",
      async () =>
        documents.respond("applications counted", { counts: await countInstances(database, null, MAX_KINDS) }),
      { detail: operation({ summary: "How many applications of each kind the fleet has", data: FleetApplications }) },
    );
  return { adminRoutes, list, keep: (tx, newest) => keepApplications(tx, newest, documents.gapsOf) };
}

function openList({ database, documents, showSystem }: ApplicationsDeps) {
  return async (key: string, { cursor, ...query }: ApplicationsQuery) => {
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
        inventory_data: documents.raw(inventory_text),
      })),
      counts,
      next_cursor: last ? encodeCursor(last.module_id) : null,
    };
  };
}
