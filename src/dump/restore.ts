// Restores a dump into an empty database in one transaction: proved first, then all of it or nothing.
import type { PostgresConnection } from "../adapters/postgres/database.ts";
import { embeddedMigrations, lockMigrations, makeSchema, refuseForeign } from "../adapters/postgres/migrate.ts";
import type { Migration } from "../adapters/postgres/migrate.ts";
import { openSession } from "../adapters/postgres/session.ts";
import type { CopyIn, PostgresSession } from "../adapters/postgres/session.ts";
import { copyInto, listTables, quoteName, setSequence, switchTriggers } from "../adapters/postgres/tables.ts";
import { Failure } from "../errors.ts";
import type { ObjectStore } from "../ports/objects.ts";
import { counted } from "../values/count.ts";
import { readArchive, textOf } from "./archive.ts";
import { MANIFEST, OBJECTS, SUMMARY, TABLES, readManifest, readSummary } from "./manifest.ts";
import type { Manifest, Summary } from "./manifest.ts";
import { listMissing, restoreObject } from "./objects.ts";
import type { TarEntry } from "./tar.ts";

export interface Verified {
  manifest: Manifest;
  summary: Summary;
}

/** Reads the file's bytes from the beginning; called twice. */
export type OpenFile = () => AsyncIterable<Uint8Array>;

/** Reads the dump whole, compares every hash, and refuses what this muster cannot restore. Touches nothing else. */
export async function verifyDump(open: OpenFile, migrations: Migration[] = embeddedMigrations()): Promise<Verified> {
  let manifest: Manifest | undefined;
  let summary: Summary | undefined;
  await readArchive(open(), async (entry) => {
    if (!manifest) {
      manifest = readManifest(await textOf(entry.body));
      refuseNewer(manifest, migrations);
    } else if (entry.name === SUMMARY) summary = readSummary(await textOf(entry.body));
    else for await (const _ of entry.body);
  });
  if (!manifest || !summary) throw new Failure("dump.damaged", 422, `The dump is damaged: it has no ${SUMMARY}.`);
  return { manifest, summary };
}

function refuseNewer({ muster, migrations }: Manifest, known: Migration[]): void {
  const newer = migrations.find((one) => !known.some(({ version }) => version === one.version));
  if (newer)
    throw new Failure(
      "dump.newer",
      422,
      `The dump was made by muster ${muster}, which is newer than this one: it has the migration ${newer.name}. Restore it with that muster, or a newer one.`,
    );
  refuseForeign(migrations, known);
}

interface RestoreDeps {
  connection: PostgresConnection;
  objects: ObjectStore;
  now: Date;
  signal?: AbortSignal | undefined;
}

export interface Restored {
  rows: number;
  tables: number;
  /** Tables in the dump that are not Muster's, and were ignored. */
  leftOut: string[];
  objects: { stored: number; present: number };
  /** Keys of backups whose objects are missing in the store. */
  missing: string[];
}

export async function restoreDump(
  deps: RestoreDeps,
  open: OpenFile,
  { manifest, summary }: Verified,
): Promise<Restored> {
  const session = await openSession(deps.connection, deps.signal);
  try {
    await session.query("begin");
    await lockMigrations(session);
    await refuseUnlessEmpty(session);
    const applied = manifest.migrations.map(({ version }) => version);
    await makeSchema(
      session,
      embeddedMigrations().filter(({ version }) => applied.includes(version)),
    );
    const ours = new Set((await listTables(session)).map(({ name }) => name));
    const tables = manifest.tables.filter(({ name }) => ours.has(name));
    // Migrations insert rows into some tables; the dump has its own state of them.
    if (tables.length > 0) await session.query(`truncate ${tables.map(({ name }) => quoteName(name)).join(", ")}`);
    for (const { name } of tables) await switchTriggers(session, name, "disable");
    const objects = await load(deps, session, open, manifest, summary, ours);
    for (const { name } of tables) await switchTriggers(session, name, "enable");
    for (const one of summary.sequences) if (await exists(session, one.name)) await setSequence(session, one);
    deps.signal?.throwIfAborted();
    await session.query("commit");
    await session.query("analyze");
    return {
      rows: tables.reduce((sum, { name }) => sum + (summary.rows[name] ?? 0), 0),
      tables: tables.length,
      leftOut: manifest.tables.map(({ name }) => name).filter((name) => !ours.has(name)),
      objects,
      missing: await listMissing(session, deps.objects),
    };
  } finally {
    await session.close();
  }
}

async function refuseUnlessEmpty(session: PostgresSession): Promise<void> {
  const tables = await listTables(session);
  if (tables.length === 0) return;
  const held: string[] = [];
  for (const name of ["systems", "inventory_records", "backups", "operator_tokens"]) {
    if (!tables.some((table) => table.name === name)) continue;
    const [row] = await session.query<{ count: number }>(`select count(*)::integer as count from ${quoteName(name)}`);
    held.push(`${row?.count ?? 0} ${name.replace("_", " ")}`);
  }
  const what = held.length > 0 ? `tables of a muster, with ${held.join(", ")}` : `the table ${tables[0]?.name}`;
  throw new Failure(
    "restore.not_empty",
    409,
    `A dump is only restored into an empty database, and this one has ${what}. Set another DATA_DIR or DATABASE_URL, or remove the old one first. Nothing was changed.`,
  );
}

/** Loads rows and objects in the order of the file. */
async function load(
  { objects: store, now }: RestoreDeps,
  session: PostgresSession,
  open: OpenFile,
  { tables }: Manifest,
  summary: Summary,
  ours: Set<string>,
): Promise<Restored["objects"]> {
  const objects = { stored: 0, present: 0 };
  let current: { table: string; copy: CopyIn } | undefined;
  const finish = async () => {
    if (!current) return;
    const { table, copy } = current;
    current = undefined;
    const rows = await copy.end();
    if (rows !== summary.rows[table])
      throw new Error(`${table} got ${counted(rows, "row")}; the dump says ${summary.rows[table]}.`);
  };
  const fill = async (name: string, body: TarEntry["body"]) => {
    if (current?.table !== name) {
      await finish();
      const table = tables.find((one) => one.name === name);
      if (!table || !ours.has(name)) return;
      current = { table: name, copy: session.copyIn(copyInto(table)) };
    }
    for await (const chunk of body) await current.copy.write(chunk);
  };
  await readArchive(open(), async (entry) => {
    if (entry.name.startsWith(TABLES)) return fill(entry.name.split("/")[1] ?? "", entry.body);
    await finish();
    if (entry.name.startsWith(OBJECTS))
      objects[(await restoreObject(session, store, entry, now)) ? "stored" : "present"] += 1;
    else if (entry.name !== MANIFEST && entry.name !== SUMMARY) throw new Error(`The entry ${entry.name} is unknown.`);
  });
  await finish();
  return objects;
}

async function exists(session: PostgresSession, sequence: string): Promise<boolean> {
  const [row] = await session.query<{ found: boolean }>("select to_regclass($1) is not null as found", [
    quoteName(sequence),
  ]);
  return row?.found ?? false;
}
