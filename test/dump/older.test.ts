// A dump made by an earlier version is restored by this one, whatever it says that no dump says any more.
import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { embeddedMigrations, migrate } from "../../src/adapters/postgres/migrate.ts";
import type { PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import { packArchive, readArchive, textOf } from "../../src/dump/archive.ts";
import type { Entry } from "../../src/dump/archive.ts";
import { MANIFEST } from "../../src/dump/manifest.ts";
import { openDump } from "../../src/dump/write.ts";
import { openTestApp } from "../support/app.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { runMuster } from "../support/program.ts";
import { temporaryDirectory, testLog } from "../support/run.ts";

/** The last schema in which the epoch of the feed was a column's default. */
const WITH_DEFAULT = 24;
const AT = new Date("2026-01-01T00:00:00Z");

const addChange = (database: PostgresDatabase, name: string) =>
  database.query(
    `insert into inventory_diffs (id, system_id, record_id, previous_record_id, detected_at, position, pointer, field_path, change_type,
       category, severity, significant)
     select $1, id, gen_random_uuid(), gen_random_uuid(), now(), 0, '/x', $2, 'create', 'system', 'low', true from systems`,
    [Bun.randomUUIDv7(), name],
  );

/** A dump of a database that was on its third server, as the muster of its time wrote it. */
async function writeOldDump(file: string): Promise<void> {
  await using old = await createTestDatabase({ empty: true });
  await migrate(
    old.database,
    testLog,
    embeddedMigrations().filter(({ version }) => version <= WITH_DEFAULT),
  );
  await old.database.query(
    `insert into systems (id, name, organization_id, system_key, created_at, registered_at, status)
     values (gen_random_uuid(), 'a', 'acme', 'NOC-1', now(), now(), 'active')`,
  );
  await old.database.query(`insert into feed_epochs values (1, 'first'), (2, 'second'), (3, 'third')`);
  await old.database.query(`alter table inventory_diffs alter column feed_epoch set default 3`);
  await addChange(old.database, "old");
  const entries: Entry[] = [];
  await readArchive(
    openDump({ connection: old.connection, version: "0.1.0", at: AT }).bytes,
    async ({ name, body }) => {
      const text = await textOf(body);
      const defaults = [{ table: "inventory_diffs", column: "feed_epoch", expression: "3" }];
      const bytes = Buffer.from(name === MANIFEST ? JSON.stringify({ ...JSON.parse(text), defaults }) : text);
      entries.push({ name, size: bytes.byteLength, body: [bytes] });
    },
  );
  const each = (async function* () {
    yield* entries;
  })();
  await Bun.write(file, Buffer.concat(await Array.fromAsync(packArchive(each, AT))));
}

test("the feed goes on in the epoch of a dump that says it as a column's default, and in the next one after the start", async () => {
  const directory = temporaryDirectory("older");
  try {
    const file = join(directory, "old.tar.zst");
    await writeOldDump(file);
    await using empty = await createTestDatabase({ empty: true });
    const env = { DATABASE_URL: empty.url, DATA_DIR: directory };
    const { code, stdout } = await runMuster(["restore", file], { env });
    expect([code, stdout]).toEqual([0, expect.stringContaining("upgraded to")]);
    await addChange(empty.database, "restored");
    const ports = { LISTEN_ADDRESS: "127.0.0.1:0", HEALTH_LISTEN_ADDRESS: "127.0.0.1:0" };
    await using app = await openTestApp({ DATA_DIR: directory, ...ports }, empty);
    await app.app.start();
    await addChange(empty.database, "started");
    const changes = await empty.database.query(
      "select field_path as name, feed_epoch as epoch from inventory_diffs order by 2, 1",
    );
    expect(changes).toEqual([
      { name: "old", epoch: 3 },
      { name: "restored", epoch: 3 },
      { name: "started", epoch: 4 },
    ]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 240_000);
