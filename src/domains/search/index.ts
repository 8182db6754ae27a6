// Assembles the search: questions about the newest inventories of all systems. It owns no table; it reads those of facts/.
import type { Domain } from "../../domain.ts";
import type { Queryable } from "../../ports/database.ts";
import { adminRoutes } from "./admin.ts";
import { openSearchApi } from "./api.ts";
import type { SearchApi } from "./api.ts";

export type { SearchApi };

export interface Search extends Domain {
  api: SearchApi;
}

export function openSearch({ database }: { database: Queryable }): Search {
  const api = openSearchApi(database);
  return { api, adminRoutes: adminRoutes(api) };
}
