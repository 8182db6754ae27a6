// Copies the backups' bytes into a dump and out of one, and lists those that a store lacks.
import type { PostgresQueryable } from "../adapters/postgres/database.ts";
import { Failure } from "../errors.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { Entry } from "./archive.ts";
import { OBJECTS } from "./manifest.ts";
import type { ObjectsSummary } from "./manifest.ts";
import type { TarEntry } from "./tar.ts";

const PAGE = 1_000;
/** Attempts in a row to read the rest from a store that breaks off. */
const ATTEMPTS = 3;

/** Leaves out and names objects that retention removes while the dump is being made. */
export async function* objectEntries(
  db: PostgresQueryable,
  store: ObjectStore,
  summary: ObjectsSummary,
  signal: AbortSignal | undefined,
  onBytes: (done: number) => void = () => {},
): AsyncGenerator<Entry, void, undefined> {
  for await (const { key } of listBackupObjects(db)) {
    signal?.throwIfAborted();
    const head = await store.head(key);
    const first = head && (await store.get(key));
    if (!first) {
      summary.missing.push(key);
      continue;
    }
    yield { name: OBJECTS + key, size: head.size, body: readWhole(store, key, head.size, first) };
    summary.count += 1;
    summary.bytes += head.size;
    onBytes(summary.bytes);
  }
}

/** Bytes of all backups. */
export async function measureObjects(db: PostgresQueryable): Promise<number> {
  const [row] = await db.query<{ bytes: number }>("select coalesce(sum(size), 0)::float8 as bytes from backups");
  return row?.bytes ?? 0;
}

async function* readWhole(store: ObjectStore, key: string, size: number, first: ReadableStream<Uint8Array>) {
  let stream: ReadableStream<Uint8Array> | undefined = first;
  let position = 0;
  for (let failures = 0; position < size;) {
    try {
      for await (const chunk of stream ?? []) {
        position += chunk.byteLength;
        yield chunk;
        failures = 0;
      }
      if (position < size) throw new Failure("dump.object", 502, `${key} ended after ${position} of ${size} bytes.`);
    } catch (error) {
      if ((failures += 1) >= ATTEMPTS) throw error;
      stream = await store.get(key, { first: position, last: size - 1 });
      if (!stream) throw new Failure("dump.object", 502, `${key} was removed while it was read.`, { cause: error });
    }
  }
}

/** True when it was stored, false when the store had the same bytes already. */
export async function restoreObject(
  db: PostgresQueryable,
  store: ObjectStore,
  { name, size, body }: TarEntry,
  now: Date,
): Promise<boolean> {
  const key = name.slice(OBJECTS.length);
  if (await store.head(key)) {
    if ((await hashOf(body)) === (await hashOf((await store.get(key)) ?? []))) return false;
    throw new Failure("restore.object", 409, `The store has another object ${key} already.`);
  }
  const row = await findBackup(db, key);
  const lockedUntil = row?.locked_until;
  await store.put(key, body, {
    length: size,
    contentType: row?.media_type ?? "application/octet-stream",
    metadata: () => ({
      ...(row && { sha256: row.sha256, filename: row.filename, "uploader-ip": row.uploader_ip ?? "" }),
    }),
    retainUntil: lockedUntil && lockedUntil > now ? lockedUntil : undefined,
  });
  return true;
}

/** Keys of backups whose objects are missing in the store, or have another length. */
export async function listMissing(db: PostgresQueryable, store: ObjectStore): Promise<string[]> {
  const stored = new Map<string, number>();
  for await (const { key, size } of store.list("")) stored.set(key, size);
  const missing: string[] = [];
  for await (const { key, size } of listBackupObjects(db)) if (stored.get(key) !== size) missing.push(key);
  return missing;
}

async function hashOf(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of body) hasher.update(chunk);
  return hasher.digest("hex");
}

/** Backups marked as lost have no object. */
async function* listBackupObjects(
  db: PostgresQueryable,
): AsyncGenerator<{ key: string; size: number }, void, undefined> {
  const [table] = await db.query<{ found: boolean }>("select to_regclass('backups') is not null as found");
  if (!table?.found) return;
  for (let after = ""; ;) {
    const page = await db.query<{ key: string; size: number }>(
      `select object_key as key, size from backups where state <> 'lost' and object_key collate "C" > $1
       order by object_key collate "C" limit $2`,
      [after, PAGE],
    );
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = last.key;
  }
}

interface BackupRow {
  media_type: string;
  sha256: string;
  filename: string;
  uploader_ip: string | null;
  locked_until: Date | null;
}

async function findBackup(db: PostgresQueryable, key: string): Promise<BackupRow | undefined> {
  const [row] = await db.query<BackupRow>(
    "select media_type, sha256, filename, uploader_ip, locked_until from backups where object_key = $1",
    [key],
  );
  return row;
}
