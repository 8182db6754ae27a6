// Writes everything that Muster stores to one file, also while a gateway runs: muster dump.
import { openDumps, writeDumpFile } from "../../app/dumps.ts";
import type { Dump } from "../../app/dumps.ts";
import { Failure } from "../../errors.ts";
import { counted } from "../../values/count.ts";
import type { Given } from "../arguments.ts";
import { action, printable } from "../verb.ts";
import type { Cli, Verb } from "../verb.ts";
import { VERSION } from "../version.ts";

export const dump: Verb = {
  name: "dump",
  summary: "Write the database, and with --objects the backups, into one file.",
  actions: { "": action({ positionals: ["FILE"], flags: { objects: true }, run: writeDump }) },
  notes: `FILE appears when it is complete, and replaces an older one; "-" is stdout. It is a tar in zstd: tar --zstd -tf FILE.
It contains the hashes of secrets and every inventory: protect it like the database. Works beside a running gateway and without one.`,
};

async function writeDump({ positionals, objects = false, json }: Given<{ objects: true }>, cli: Cli): Promise<number> {
  const [path = ""] = positionals;
  const signal = abortWhenStopped(cli, "The dump was stopped. Nothing of it was left.");
  const config = cli.config();
  const log = cli.log({
    ...config,
    log: { ...config.log, level: config.log.level === "info" ? "warn" : config.log.level },
  });
  const dumps = await openDumps(config, { alone: false, version: VERSION, log, signal });
  const progress = {
    rows: cli.progress("Dumping the database", "rows", json),
    bytes: cli.progress("Dumping backups", "bytes", json),
  };
  try {
    const opened = dumps.dump({
      withObjects: objects,
      onProgress: (unit, done, total) => progress[unit].at(done, total),
    });
    const size = path === "-" ? await cli.pour(opened.bytes) : await writeDumpFile(path, opened.bytes, signal);
    progress.bytes.end();
    const jobs = await dumps.jobsInRedis();
    if (jobs === undefined) cli.say("Redis does not answer: jobs that wait there are not in the dump.");
    else if (jobs > 0)
      cli.say(`${counted(jobs, "job waits", "jobs wait")} in Redis, not in the dump: keep Redis's own files too.`);
    const { missing } = opened.summary.objects;
    if (missing.length > 0)
      cli.say(
        `${counted(missing.length, "backup has", "backups have")} no object, left out:\n${missing.map(printable).join("\n")}`,
      );
    if (path === "-") return 0;
    const facts = { file: path, size, ...factsOf(opened), jobs_in_redis: jobs ?? null };
    cli.print(
      json
        ? JSON.stringify(facts)
        : `${path}: ${counted(size, "byte")}, ${counted(facts.rows, "row")} of ${counted(facts.tables, "table")}, ${objects ? counted(facts.objects, "object") : "no objects (--objects takes them along)"}.`,
    );
    return 0;
  } finally {
    await dumps.close();
  }
}

const factsOf = ({ summary: { rows, objects } }: Dump) => ({
  tables: Object.keys(rows).length,
  rows: Object.values(rows).reduce((sum, count) => sum + count, 0),
  objects: objects.count,
  object_bytes: objects.bytes,
  objects_missing: objects.missing,
});

export function abortWhenStopped(cli: Cli, sentence: string): AbortSignal {
  const stopping = new AbortController();
  void cli.untilStopped().then(() => stopping.abort(new Failure("stopped", 503, sentence)));
  return stopping.signal;
}
