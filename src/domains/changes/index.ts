// Assembles the feed of changes: what changed on any system, once each, for programs that follow the whole fleet.
import type { DomainWith } from "../../domain.ts";
import type { Database } from "../../ports/database.ts";
import { adminRoutes } from "./admin.ts";
import { openChangesApi } from "./api.ts";
import { beginEpoch } from "./epoch.ts";

interface Epochs {
  /** Safe to repeat. For whoever writes changes before a gateway has started on this server. */
  beginEpoch(): Promise<void>;
}

/** Owns feed_epochs. */
export function open({ database }: { database: Database }): DomainWith<Epochs> {
  const epochs: Epochs = { beginEpoch: () => beginEpoch(database) };
  return { api: epochs, adminRoutes: adminRoutes(openChangesApi(database)), start: epochs.beginEpoch };
}
