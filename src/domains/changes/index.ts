// Assembles the feed of changes: what changed on any system, once each, for programs that follow the whole fleet.
import type { Domain } from "../../domain.ts";
import type { Database } from "../../ports/database.ts";
import { adminRoutes } from "./admin.ts";
import { openChangesApi } from "./api.ts";
import { beginEpoch } from "./epoch.ts";

/** Owns feed_epochs. */
export function open({ database }: { database: Database }): Domain {
  return { adminRoutes: adminRoutes(openChangesApi(database)), start: () => beginEpoch(database) };
}
