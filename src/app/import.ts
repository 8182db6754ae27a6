// Imports the database of a NethServer "my" into the domains, one import at a time.
import type { PostgresDatabase } from "../adapters/postgres/database.ts";
import type { OpenedPostgres } from "../adapters/postgres/open.ts";
import { alone } from "../import/my/alone.ts";
import { importMy } from "../import/my/import.ts";
import type { ImportDeps } from "../import/my/import.ts";
import type { Report } from "../import/my/report.ts";
import type { Source } from "../import/my/source.ts";
import type { Clock } from "../ports/clock.ts";
import type { Apis } from "./assemble.ts";

export type ImportMy = (
  source: Source,
  options: Pick<ImportDeps, "dryRun" | "signal" | "onProgress">,
) => Promise<Report>;

interface ImportMyDeps extends Pick<OpenedPostgres, "connection"> {
  database: PostgresDatabase;
  api: Apis;
  clock: Clock;
}

export function openImport({ connection, database, api, clock }: ImportMyDeps): ImportMy {
  const target: ImportDeps["target"] = {
    database,
    importOrganizations: api.organizations.importOrganizations,
    importSystems: api.systems.importSystems,
    importErasedSecrets: api.systems.importErasedSecrets,
    importBeats: api.heartbeats.importBeats,
    importInventories: api.inventory.importInventories,
    importHistory: api.alerts.importHistory,
  };
  return (source, options) =>
    alone(connection, options.signal, async () => {
      if (!options.dryRun) await api.changes.beginEpoch();
      return importMy({ ...options, source, now: clock.now(), target });
    });
}
