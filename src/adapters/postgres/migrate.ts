// Brings a database to the schema this executable knows: numbered files of sql/, forward only, each in its own transaction.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { PostgresDatabase, PostgresQueryable } from "./database.ts";
import { embeddedRoot } from "./embedded.ts";
import { DAY_MS } from "../../values/time.ts";

export interface Migration {
  version: number;
  name: string;
  sql: string;
  checksum: string;
}

export interface MigrationResult {
  /** File names, in the order they were run. */
  applied: string[];
  version: number;
}

export interface AppliedMigration {
  version: number;
  name: string;
  checksum: string;
}

/** Called under the lock, before the first missing migration of a database with data. An error stops the upgrade. */
export type BeforeUpgrade = (first: Migration) => Promise<void>;

/** Arbitrary constant: Muster's key among the advisory locks of the database. */
const ADVISORY_LOCK = 4_811_752_263;
/** Migrations may rewrite big tables, and others wait for the one that does. */
const TIMEOUT_MS = DAY_MS;
const OLDEST_SERVER = 140_000;
const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

/** Any number of processes may run this at once: exactly one of them applies each file. */
export async function migrate(
  database: PostgresDatabase,
  log: Log,
  migrations: Migration[] = embeddedMigrations(),
  beforeUpgrade?: BeforeUpgrade,
): Promise<MigrationResult> {
  const applied: string[] = [];
  for (;;) {
    const before = applied.length === 0 ? beforeUpgrade : undefined;
    const next = await database.transaction((tx) => applyNext(tx, migrations, before));
    if (!next) return { applied, version: migrations.at(-1)?.version ?? 0 };
    applied.push(next.name);
    log.info("Applied a migration.", { migration: next.name });
  }
}

/** A gateway that has just started its database brings it to its version, one file after the other. */
const STARTING_MS = 1_000;
const POLL_MS = 50;

/**
 * For commands that may not migrate: returns the version, or throws a Failure that says why the database cannot be used. While a
 * gateway may be migrating it, waits as long as the version keeps changing.
 */
export async function requireSchema(
  database: PostgresDatabase,
  { installation, mayStart }: { installation: string; mayStart: boolean },
  migrations: Migration[] = embeddedMigrations(),
): Promise<MigrationResult> {
  let seen = -1;
  let sinceMs = 0;
  for (;;) {
    const applied = (await findApplied(database)) ?? [];
    refuseForeign(applied, migrations);
    if (applied.length === migrations.length) return { applied: [], version: migrations.at(-1)?.version ?? 0 };
    if (applied.length !== seen) [seen, sinceMs] = [applied.length, performance.now()];
    if (!mayStart || performance.now() - sinceMs > STARTING_MS) throw behind(applied, migrations, installation);
    await Bun.sleep(POLL_MS);
  }
}

function behind(applied: AppliedMigration[], migrations: Migration[], installation: string): Failure {
  if (applied.length === 0)
    return new Failure(
      "installation.missing",
      404,
      `There is no installation in ${installation}: it has no tables of muster. Run this with the DATA_DIR or DATABASE_URL of the one that is meant, or make one there: "muster serve" or "muster migrate". Nothing was changed.`,
    );
  return new Failure(
    "database.older",
    409,
    `${installation[0]?.toUpperCase()}${installation.slice(1)} has the schema version ${applied.at(-1)?.version}, and this muster works on version ${migrations.at(-1)?.version}. Use the muster that serves from it, or upgrade it: stop that one, then "muster serve" or "muster migrate" with this one. Nothing was changed.`,
  );
}

/** The newest version a database has; 0 for an empty one. */
export async function schemaVersion(database: PostgresQueryable): Promise<number> {
  if (!(await hasVersionTable(database))) return 0;
  const [row] = await database.query<{ version: number | null }>(
    "select max(version) as version from schema_migrations",
  );
  return row?.version ?? 0;
}

/** The migrations that travel with this program, in order. */
export function embeddedMigrations(directory: string = join(embeddedRoot, "sql")): Migration[] {
  const migrations = readdirSync(directory)
    .filter((name) => FILE_NAME.test(name))
    .sort()
    .map((name) => {
      const sql = readFileSync(join(directory, name), "utf8");
      return { version: Number(name.slice(0, 4)), name, sql, checksum: checksumOf(sql) };
    });
  const twice = migrations.find((one, index) => migrations[index - 1]?.version === one.version);
  if (twice) throw new Error(`Two migrations have the number ${twice.version}; the second is ${twice.name}.`);
  return migrations;
}

export const checksumOf = (sql: string) => new Bun.CryptoHasher("sha256").update(sql).digest("hex");

/** Applies one migration under the lock; undefined when none is left. */
async function applyNext(
  tx: PostgresQueryable,
  migrations: Migration[],
  beforeUpgrade: BeforeUpgrade | undefined,
): Promise<Migration | undefined> {
  await lockMigrations(tx);
  const known = await listApplied(tx);
  refuseForeign(known, migrations);
  const next = migrations.find((one) => !known.some((row) => row.version === one.version));
  if (next) {
    if (known.length > 0) await beforeUpgrade?.(next);
    await tx.query(next.sql, [], { timeoutMs: TIMEOUT_MS });
    await insertApplied(tx, next);
  }
  return next;
}

/** Keeps others from migrating, dumping and restoring until the end of the transaction. */
export async function lockMigrations(tx: PostgresQueryable): Promise<void> {
  await refuseOldServer(tx);
  await tx.query("set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0");
  await tx.query("select pg_advisory_xact_lock($1)", [ADVISORY_LOCK], { timeoutMs: TIMEOUT_MS });
}

/** Keeps others from migrating and restoring until the end of the session. */
export async function holdMigrations(session: PostgresQueryable): Promise<void> {
  await session.query("select pg_advisory_lock_shared($1)", [ADVISORY_LOCK]);
}

/** Makes an empty schema of these migrations, without their rows, in the caller's transaction. */
export async function makeSchema(tx: PostgresQueryable, migrations: Migration[]): Promise<void> {
  await listApplied(tx);
  for (const { sql } of migrations) await tx.query(sql, [], { timeoutMs: TIMEOUT_MS });
}

/** Applied migrations of a database; undefined where none was ever applied. */
export async function findApplied(db: PostgresQueryable): Promise<AppliedMigration[] | undefined> {
  return (await hasVersionTable(db)) ? listApplied(db) : undefined;
}

async function refuseOldServer(tx: PostgresQueryable): Promise<void> {
  const [row] = await tx.query<{ number: number; version: string }>(
    "select current_setting('server_version_num')::int as number, current_setting('server_version') as version",
  );
  if (!row || row.number >= OLDEST_SERVER) return;
  throw new Failure("database.too_old", 503, `PostgreSQL ${row.version} is too old: Muster needs 14 or newer.`);
}

async function listApplied(tx: PostgresQueryable): Promise<AppliedMigration[]> {
  if (!(await hasVersionTable(tx))) {
    await tx.query(
      `create table schema_migrations (
        version int primary key,
        name text not null,
        checksum text not null,
        applied_at timestamptz not null default now()
      )`,
    );
  }
  return tx.query<AppliedMigration>("select version, name, checksum from schema_migrations order by version");
}

async function hasVersionTable(tx: PostgresQueryable): Promise<boolean> {
  const [row] = await tx.query<{ found: boolean }>("select to_regclass('schema_migrations') is not null as found");
  return row?.found ?? false;
}

async function insertApplied(tx: PostgresQueryable, { version, name, checksum }: Migration): Promise<void> {
  await tx.query("insert into schema_migrations (version, name, checksum) values ($1, $2, $3)", [
    version,
    name,
    checksum,
  ]);
}

export function refuseForeign(applied: AppliedMigration[], migrations: Migration[]): void {
  for (const row of applied) {
    const ours = migrations.find((one) => one.version === row.version);
    if (!ours) {
      throw new Failure(
        "database.newer",
        503,
        `The database is newer than this muster: it has the migration ${row.name}, which this executable does not know (it knows up to ${migrations.at(-1)?.name ?? "none"}). Start the newer muster again, or restore a backup from before the upgrade.`,
      );
    }
    if (ours.checksum !== row.checksum) {
      throw new Failure(
        "database.migration_changed",
        503,
        `The migration ${ours.name} was changed after this database had applied it. Undo the change and add a new file instead.`,
      );
    }
  }
}
