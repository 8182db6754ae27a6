// Describes a dump: manifest.json is its first entry, summary.json the last one before the hashes.
import type { AppliedMigration } from "../adapters/postgres/migrate.ts";
import type { SequenceState, Table } from "../adapters/postgres/tables.ts";
import { Failure } from "../errors.ts";
import { parseJsonText } from "../values/json/parse.ts";

/** Earlier versions also said `defaults`: the epoch of the feed, which is the newest row of feed_epochs in every dump. */
export interface Manifest {
  format: typeof FORMAT;
  format_version: number;
  /** Version of the muster that made the dump. */
  muster: string;
  created_at: string;
  schema_version: number;
  migrations: AppliedMigration[];
  /** Tables, in the order in which a restore fills them. */
  tables: Table[];
  /** Whether the backups' bytes are in it. */
  with_objects: boolean;
}

export interface Summary {
  rows: Record<string, number>;
  sequences: SequenceState[];
  objects: ObjectsSummary;
}

export interface ObjectsSummary {
  count: number;
  bytes: number;
  /** Keys whose objects were removed while the dump was made. */
  missing: string[];
}

export const FORMAT = "muster-dump";
export const FORMAT_VERSION = 1;
export const MANIFEST = "manifest.json";
export const SUMMARY = "summary.json";
export const TABLES = "tables/";
export const OBJECTS = "objects/";

export function readManifest(text: string): Manifest {
  const manifest = parse<Manifest>(text);
  if (manifest?.format !== FORMAT) throw new Failure("dump.damaged", 422, "this is not a dump of Muster");
  if (manifest.format_version !== FORMAT_VERSION)
    throw new Failure(
      "dump.newer",
      422,
      `The dump was made by muster ${manifest.muster}, in a format that this one does not know (${manifest.format_version}; it knows ${FORMAT_VERSION}). Restore it with that muster.`,
    );
  return manifest;
}

export function readSummary(text: string): Summary {
  const summary = parse<Summary>(text);
  if (!summary?.rows) throw new Failure("dump.damaged", 422, "it is not a summary");
  return summary;
}

/** The entry's hash proves that the text is unchanged. */
function parse<Value>(text: string): Value | undefined {
  try {
    return parseJsonText(text) as Value;
  } catch {
    return undefined;
  }
}
