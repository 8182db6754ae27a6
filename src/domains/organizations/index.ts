// Assembles organizations: who owns systems, whose tenant their alerts go to, and the switch that shuts all of them out.
import type { Domain } from "../../domain.ts";
import { adminRoutes } from "./admin.ts";
import { openOrganizationsApi } from "./api.ts";
import type { OrganizationsApi, OrganizationsApiDeps } from "./api.ts";
import * as store from "./store.ts";

export type { FormerOrganization } from "./store.ts";

export interface Organizations extends Domain {
  api: OrganizationsApi;
  /** Of the service that Muster replaces. Returns the ids of those that were there, which stay as they are. */
  bring(rows: store.FormerOrganization[], dryRun: boolean): Promise<Set<string>>;
}

export function openOrganizations(deps: OrganizationsApiDeps): Organizations {
  const api = openOrganizationsApi(deps);
  return {
    api,
    bring: (rows, dryRun) => store.bringOrganizations(deps.database, rows, dryRun),
    adminRoutes: adminRoutes(api),
  };
}
