// Assembles the applications: what runs on NS8 clusters, projected from their newest inventories.
import type { Domain } from "../../domain.ts";
import type { Queryable } from "../../ports/database.ts";
import type { StateKeeper } from "../inventory/index.ts";
import type { System } from "../systems/index.ts";
import { adminRoutes } from "./admin.ts";
import { openApplicationsApi } from "./api.ts";
import type { ApplicationsApi } from "./api.ts";
import { projectApplications } from "./project.ts";
import type { GapsOf } from "./project.ts";

export type { ApplicationsApi };

export interface ApplicationsDeps {
  database: Queryable;
  gapsOf: GapsOf;
  /** A Failure 404 for a key or id that no system has. */
  showSystem(keyOrId: string): Promise<System>;
}

export interface Applications extends Domain {
  api: ApplicationsApi;
  project: StateKeeper;
}

/** Owns the table applications. */
export function openApplications(deps: ApplicationsDeps): Applications {
  const api = openApplicationsApi(deps);
  return { api, adminRoutes: adminRoutes(api), project: (tx, newest) => projectApplications(tx, newest, deps.gapsOf) };
}
