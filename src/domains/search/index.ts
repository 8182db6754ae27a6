// Assembles the search: questions about the newest inventories of all systems. It owns no table; it reads those of facts/.
import type { DomainWith } from "../../domain.ts";
import type { Queryable } from "../../ports/database.ts";
import { adminRoutes } from "./admin.ts";
import { openSearchApi } from "./api.ts";
import type { SearchApi } from "./api.ts";

export type { SearchApi };

export function open({ database }: { database: Queryable }): DomainWith<SearchApi> {
  const api = openSearchApi(database);
  return { api, adminRoutes: adminRoutes(api) };
}
