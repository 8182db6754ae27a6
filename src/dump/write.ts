// Writes an installation as the entries of one archive, seen at one moment, while others go on writing.
import { findApplied, holdMigrations } from "../adapters/postgres/migrate.ts";
import { openSession } from "../adapters/postgres/session.ts";
import type { PostgresSession } from "../adapters/postgres/session.ts";
import type { PostgresConnection } from "../adapters/postgres/database.ts";
import { copyOutOf, estimateRows, listSequences, listTables } from "../adapters/postgres/tables.ts";
import type { Table } from "../adapters/postgres/tables.ts";
import { Failure } from "../errors.ts";
import type { ObjectStore } from "../ports/objects.ts";
import { packArchive } from "./archive.ts";
import type { Entry } from "./archive.ts";
import { FORMAT, FORMAT_VERSION, MANIFEST, SUMMARY, TABLES } from "./manifest.ts";
import type { Manifest, Summary } from "./manifest.ts";
import { measureObjects, objectEntries } from "./objects.ts";

export interface DumpOptions {
  connection: PostgresConnection;
  /** Adds the backups' bytes when given. */
  objects?: ObjectStore | undefined;
  version: string;
  at: Date;
  /** The caller holds the lock of migrations. */
  locked?: boolean;
  signal?: AbortSignal | undefined;
  /** Reports progress: rows of an estimated total, then bytes of objects. */
  onProgress?: ((unit: "rows" | "bytes", done: number, total: number) => void) | undefined;
}

export interface Dump {
  bytes: AsyncIterable<Uint8Array>;
  /** Complete once the bytes have been read to their end. */
  summary: Summary;
}

/** Size of the pieces that a table is split into and that are held in memory, since a tar header needs the size beforehand. */
const PART_BYTES = 4 * 1024 ** 2;

export function openDump(options: DumpOptions): Dump {
  const summary: Summary = { rows: {}, sequences: [], objects: { count: 0, bytes: 0, missing: [] } };
  return { bytes: packArchive(entries(options, summary), options.at), summary };
}

async function* entries(options: DumpOptions, summary: Summary): AsyncGenerator<Entry, void, undefined> {
  const { connection, objects, locked, signal } = options;
  const session = await openSession(connection, signal);
  try {
    // Before the snapshot: a table that a migration rewrites meanwhile would look empty.
    if (!locked) await holdMigrations(session);
    await session.query("begin isolation level repeatable read, read only");
    const manifest = await describe(session, options);
    yield textEntry(MANIFEST, manifest);
    const onRows = await countingRows(session, options.onProgress);
    for (const table of manifest.tables) yield* tableEntries(session, table, summary, onRows);
    if (objects) {
      const total = options.onProgress ? await measureObjects(session) : 0;
      const onBytes = (done: number) => options.onProgress?.("bytes", done, total);
      yield* objectEntries(session, objects, summary.objects, signal, onBytes);
    }
    // Sequences are not part of the snapshot. Read after all rows, they may skip numbers, but never repeat one.
    summary.sequences = await listSequences(session);
    yield textEntry(SUMMARY, summary);
  } finally {
    await session.close();
  }
}

async function describe(session: PostgresSession, { version, at, objects }: DumpOptions): Promise<Manifest> {
  const migrations = await findApplied(session);
  if (!migrations || migrations.length === 0)
    throw new Failure("dump.empty", 409, "There is nothing to dump: the database has no tables of muster.");
  return {
    format: FORMAT,
    format_version: FORMAT_VERSION,
    muster: version,
    created_at: at.toISOString(),
    schema_version: migrations.at(-1)?.version ?? 0,
    migrations,
    tables: await listTables(session),
    with_objects: objects !== undefined,
  };
}

const LINE_FEED = 10;

/** Counts line feeds: each row of COPY's text is a line, and line feeds in values are escaped. */
async function countingRows(
  session: PostgresSession,
  onProgress: DumpOptions["onProgress"],
): Promise<(chunk: Uint8Array) => void> {
  if (!onProgress) return () => {};
  const total = await estimateRows(session);
  let done = 0;
  return (chunk) => {
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, at + 1)) done += 1;
    onProgress("rows", done, total);
  };
}

async function* tableEntries(
  session: PostgresSession,
  table: Table,
  { rows }: Summary,
  onRows: (chunk: Uint8Array) => void,
) {
  const copy = session.copyOut(copyOutOf(table));
  let part = 0;
  let held: Uint8Array[] = [];
  let size = 0;
  const cut = (): Entry => {
    const entry = { name: `${TABLES}${table.name}/${String((part += 1)).padStart(6, "0")}.copy`, size, body: held };
    held = [];
    size = 0;
    return entry;
  };
  try {
    for (;;) {
      const { done, value } = await copy.next();
      if (done) {
        rows[table.name] = value;
        break;
      }
      onRows(value);
      held.push(value);
      size += value.byteLength;
      if (size >= PART_BYTES) yield cut();
    }
    if (size > 0) yield cut();
  } finally {
    await copy.return(0);
  }
}

function textEntry(name: string, value: unknown): Entry {
  const body = Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`);
  return { name, size: body.byteLength, body: [body] };
}
