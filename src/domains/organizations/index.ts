// Assembles organizations: who owns systems, whose tenant their alerts go to, and the switch that shuts all of them out.
import type { DomainWith } from "../../domain.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Systems } from "../systems/index.ts";
import { adminRoutes } from "./admin.ts";
import { openOrganizationsApi } from "./api.ts";
import type { OrganizationsApi } from "./api.ts";
import * as store from "./store.ts";

export type { ImportedOrganization } from "./store.ts";

interface OrganizationsDeps {
  database: Database;
  clock: Clock;
  api: { systems: Pick<Systems, "organizationChanged"> };
}

interface Organizations extends OrganizationsApi {
  /** Of the service that Muster replaces. Returns the ids of those that were there, which stay as they are. */
  importOrganizations(rows: store.ImportedOrganization[], dryRun: boolean): Promise<Set<string>>;
}

export function open({ database, clock, api: { systems } }: OrganizationsDeps): DomainWith<Organizations> {
  const verbs = openOrganizationsApi({ database, clock, accessChanged: systems.organizationChanged });
  return {
    api: { ...verbs, importOrganizations: (rows, dryRun) => store.importOrganizations(database, rows, dryRun) },
    adminRoutes: adminRoutes(verbs),
  };
}
