// Fleet: the newest inventories of all systems, to be searched and counted, and the feed of what changed on any of them.
import type { Domain } from "../../domain.ts";
import type { Database } from "../../ports/database.ts";
import type { Documents, StateKeeper } from "../inventory/index.ts";
import { openFeed } from "../changes/feed.ts";
import { openFlatten } from "./flatten.ts";
import { factKeeper } from "./project.ts";
import { openOdd } from "../search/outliers.ts";
import { pruneHandler } from "./prune.ts";
import { adminRoutes } from "../search/admin.ts";
import { PRUNE_QUEUE } from "../search/schema.ts";
import { openSearch } from "../search/search.ts";

export interface FleetDeps {
  database: Database;
  documents: Documents;
}

export type FleetReader = ReturnType<typeof openReader>;

export interface Fleet extends Domain {
  reader: FleetReader;
  keep: StateKeeper;
}

export function openFleet(deps: FleetDeps): Fleet {
  const { database, documents } = deps;
  const feed = openFeed(deps);
  const reader = openReader(deps, feed);
  return {
    reader,
    keep: factKeeper(openFlatten(documents)),
    adminRoutes: adminRoutes(reader, documents),
    jobs: [pruneHandler(database)],
    schedules: [{ name: "fleet-prune", cron: "41 3 * * *", queue: PRUNE_QUEUE }],
    start: () => feed.beginEpoch(),
  };
}

function openReader(deps: FleetDeps, feed: ReturnType<typeof openFeed>) {
  return { ...openSearch(deps), ...openOdd(deps), changes: feed.changes };
}
