// Restores a dump into an empty installation: muster restore.
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { openDumps, verifyDump } from "../../app/dumps.ts";
import type { Restored, Verified } from "../../app/dumps.ts";
import { Failure, reasonOf } from "../../errors.ts";
import { counted } from "../../values/count.ts";
import { abortWhenStopped } from "./dump.ts";
import type { Given } from "../arguments.ts";
import type { Progress } from "../terminal/progress.ts";
import { action, printable, sayChanged } from "../verb.ts";
import type { Cli, Verb } from "../verb.ts";
import { VERSION } from "../version.ts";

export const restore: Verb = {
  name: "restore",
  summary: "Restore a dump into an empty database, with the objects that it contains.",
  actions: {
    "": action({
      positionals: ["FILE"],
      flags: { check: true },
      hint: "restores all or nothing, after it has verified every hash; --check verifies only",
      run: loadDump,
    }),
  },
  notes: "The database that DATA_DIR or DATABASE_URL names must be empty, and no gateway may run on it.",
};

async function loadDump({ positionals, check, json }: Given<{ check: true }>, cli: Cli): Promise<number> {
  const [path = ""] = positionals;
  await refuseUnreadable(path);
  const signal = abortWhenStopped(cli, "The restore was stopped. The database is as it was.");
  const read = (what: string) => () => readFileShowing(path, signal, cli.progress(what, "bytes", json));
  const verified = await verifyDump(read("Comparing hashes"));
  const { manifest } = verified;
  const made = `made by muster ${manifest.muster} at ${manifest.created_at}, schema version ${manifest.schema_version}`;
  if (check) {
    cli.print(json ? JSON.stringify(factsOf(verified)) : `${path} is whole: ${made}.`);
    return 0;
  }
  const config = cli.config();
  const log = cli.log({
    ...config,
    log: { ...config.log, level: config.log.level === "info" ? "warn" : config.log.level },
  });
  const dumps = await openDumps(config, { alone: true, version: VERSION, log, signal });
  try {
    const restored = await dumps.restore(read("Loading"), verified);
    const jobs = await dumps.jobsInRedis();
    if (jobs !== 0)
      cli.say(
        `Redis holds ${jobs === undefined ? "an unknown number of jobs" : counted(jobs, "job")}, not of this dump.`,
      );
    if (json) cli.print(JSON.stringify({ ...factsOf(verified), ...restored }));
    else tell(restored, made, cli);
    sayChanged(cli, dumps.installation);
    return 0;
  } finally {
    await dumps.close();
  }
}

/** Reads the file and counts the bytes. */
async function* readFileShowing(path: string, signal: AbortSignal, progress: Progress): AsyncGenerator<Uint8Array> {
  const { size } = await stat(path);
  let done = 0;
  try {
    for await (const chunk of createReadStream(path, { signal, highWaterMark: 1024 ** 2 })) {
      yield chunk;
      done += chunk.length;
      progress.at(done, size);
    }
  } finally {
    progress.end();
  }
}

const factsOf = ({ manifest, summary }: Verified) => ({
  made_by: manifest.muster,
  created_at: manifest.created_at,
  dump_schema_version: manifest.schema_version,
  rows_by_table: summary.rows,
  objects_in_dump: summary.objects.count,
});

function tell(
  { rows, tables, leftOut, objects, missing, migrated }: Restored & Migrated,
  made: string,
  cli: Cli,
): void {
  for (const name of leftOut) cli.say(`The table ${printable(name)} is not Muster's and was left out.`);
  if (missing.length > 0)
    cli.say(
      `${counted(missing.length, "backup has", "backups have")} no bytes in the object store, and will be marked lost by its next sweep:\n${missing.map(printable).join("\n")}`,
    );
  const upgraded = migrated.applied.length > 0 ? `, upgraded to ${migrated.version}` : "";
  const present = objects.present > 0 ? ` (${objects.present} more were there already)` : "";
  cli.print(
    `Restored ${counted(rows, "row")} of ${counted(tables, "table")} and ${counted(objects.stored, "object")}${present}: ${made}${upgraded}.`,
  );
}

type Migrated = { migrated: { applied: string[]; version: number } };

async function refuseUnreadable(path: string): Promise<void> {
  try {
    const file = await open(path, "r");
    const isFile = (await file.stat()).isFile();
    await file.close();
    if (!isFile) throw new Error("it is no file, and it is read twice");
  } catch (error) {
    throw new Failure("restore.unreadable", 422, `${path} cannot be read: ${reasonOf(error)}.`, { cause: error });
  }
}
