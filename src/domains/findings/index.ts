// Owns what is wrong with a system: findings are raised, resolved, accepted, aged and listed here and nowhere else.
//
// Tables: inventory_alerts (findings from inventories: changes, versions, advisories, new systems) and backup_alerts. Readers
// beside this domain: health/store.ts counts the open critical and high ones of the systems on a page; dump/ copies every
// table. A trigger (sql/0009_backups.sql) resolves what is open about a backup when the backup is deleted.
//
// Tables of others that this domain reads: inventory_diffs and inventory_records (whether a value is as before), systems (names
// and registrations).
//
// Every insert into inventory_alerts goes through `raising` of store.ts and every update through `resolving`; backup_alerts has
// its two statements in backups.ts. Verbs take the caller's transaction, or the database where they stand alone.
import type { DomainWith } from "../../domain.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Database } from "../../ports/database.ts";
import type { Systems } from "../systems/index.ts";
import { adminRoutes } from "./admin.ts";
import { ageEvents, countExpired, deleteExpired } from "./ageing.ts";
import { openFindingsApi } from "./api.ts";
import type { FindingsApi } from "./api.ts";
import { backupFindings } from "./backups.ts";
import { raiseChanges, resolveReturned } from "./changes.ts";
import { reconcile } from "./conditions.ts";
import { raiseRegistrations, resolveUnregistered } from "./registrations.ts";

export type { FindingsApi };
export type { BackupCause, BackupFindingRow } from "./backups.ts";
export type { ConditionFinding } from "./conditions.ts";

/** What other domains raise and resolve. */
const verbs = {
  raiseChanges,
  resolveReturned,
  reconcile,
  raiseRegistrations,
  resolveUnregistered,
  ageEvents,
  countExpired,
  deleteExpired,
  backups: backupFindings,
};
export type FindingVerbs = typeof verbs;

interface FindingsDeps {
  database: Database;
  clock: Clock;
  api: { systems: Pick<Systems, "show"> };
}

export interface Findings extends FindingsApi, FindingVerbs {}

export function open({ database, clock, api: { systems } }: FindingsDeps): DomainWith<Findings> {
  const api = openFindingsApi({ database, clock, showSystem: systems.show });
  return { api: { ...verbs, ...api }, adminRoutes: adminRoutes(api) };
}
