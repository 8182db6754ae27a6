// Brings the database to this version's schema, or refuses to work on another one: commands but `migrate` change no schema.
import { join } from "node:path";
import type { PostgresDatabase } from "../adapters/postgres/database.ts";
import { embeddedMigrations, migrate, requireSchema } from "../adapters/postgres/migrate.ts";
import type { MigrationResult } from "../adapters/postgres/migrate.ts";
import type { OpenedPostgres } from "../adapters/postgres/open.ts";
import { dumpBeforeUpgrade } from "../dump/upgrade.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports/clock.ts";
import type { AppRole } from "./role.ts";
import type { Config } from "./settings.ts";

interface SchemaDeps {
  config: Config;
  role: AppRole;
  version: string;
  clock: Clock;
  log: Log;
  postgres: OpenedPostgres;
  database: PostgresDatabase;
}

/** A restore migrates what it has loaded itself (dumps.ts). */
export async function openSchema(deps: SchemaDeps): Promise<MigrationResult> {
  const { config, role, version, clock, log, postgres, database } = deps;
  const { connection, installation, carried, info } = postgres;
  if (role === "cli") return requireSchema(database, { installation, mayStart: carried && info() === undefined });
  const directory = join(config.data.directory, "dumps");
  const beforeUpgrade = dumpBeforeUpgrade({ connection, directory, version, clock, log });
  return migrate(database, log, embeddedMigrations(), config.dump.beforeUpgrade ? beforeUpgrade : undefined);
}
