// Assembles the applications: what runs on NS8 clusters, projected from their newest inventories.
import type { DomainWith } from "../../domain.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Inventory, Projection } from "../inventory/index.ts";
import type { Systems } from "../systems/index.ts";
import { adminRoutes } from "./admin.ts";
import { openApplicationsApi } from "./api.ts";
import type { ApplicationsApi } from "./api.ts";
import { projectApplications } from "./project.ts";

export type { ApplicationsApi };

interface ApplicationsDeps {
  database: Queryable;
  api: {
    inventory: Pick<Inventory, "gapsOf">;
    systems: Pick<Systems, "show">;
  };
}

/** Owns the table applications. */
export function open({
  database,
  api: { inventory, systems },
}: ApplicationsDeps): DomainWith<ApplicationsApi> & { projection: Projection } {
  const api = openApplicationsApi({ database, showSystem: systems.show });
  const { gapsOf } = inventory;
  return { api, adminRoutes: adminRoutes(api), projection: (tx, newest) => projectApplications(tx, newest, gapsOf) };
}
