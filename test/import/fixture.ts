// Brings a former database into a test app, and reads what came.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "../../src/import/my/report.ts";
import type { TestApp } from "../support/app.ts";
import { ROOT, runJson } from "../support/program.ts";
import { temporaryDirectory } from "../support/run.ts";
import type { MyDatabase } from "./my-database.ts";

const DOCUMENT = JSON.parse(readFileSync(join(ROOT, "test/support/fixtures/inventories/ns8-inventory.json"), "utf8"));
export const document = (version: string) => ({
  ...DOCUMENT,
  facts: { ...DOCUMENT.facts, marker: { version } },
});

/** Into the database of a test app, whose clock stands still. */
export async function importMy(app: TestApp, my: MyDatabase, ...more: string[]): Promise<Report> {
  return runJson<Report & Record<string, unknown>>(["import", "my", "--database-url", my.url, ...more], {
    env: { DATABASE_URL: app.databaseUrl, DATA_DIR: temporaryDirectory("import") },
  });
}

/** The documents of a system's chain, oldest first, and the changes that lead from each to the next. */
export async function chainOf(app: TestApp, systemId: string) {
  const records = await app.database.query<{ version: string; received_at: Date; id: string }>(
    `select id, received_at, data -> 'facts' -> 'marker' ->> 'version' as version from inventory_records
     where system_id = $1 order by received_at, id`,
    [systemId],
  );
  const diffs = await app.database.query<{ record_id: string; previous: string; current: string }>(
    `select record_id, previous_value #>> '{}' as previous, current_value #>> '{}' as current from inventory_diffs
     where system_id = $1 and field_path like '%marker%' order by detected_at, position`,
    [systemId],
  );
  return { versions: records.map((one) => one.version), steps: diffs.map((one) => `${one.previous}→${one.current}`) };
}
