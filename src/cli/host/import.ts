// Imports all that a NethServer "my" database contains into this installation: muster import my.
import { readFileSync } from "node:fs";
import { Failure, reasonOf } from "../../errors.ts";
import { openSource } from "../../import/my/source.ts";
import type { Report } from "../../import/my/report.ts";
import { abortWhenStopped } from "./dump.ts";
import type { Given } from "../arguments.ts";
import { UsageError, action, changeApp, printable, withApp } from "../verb.ts";
import type { Cli, Verb } from "../verb.ts";

const FLAGS = { "database-url": "URL", "database-url-file": "FILE", "dry-run": true } as const;

export const importVerb: Verb = {
  name: "import",
  summary: "Import systems, inventories and alerts from the service that Muster replaces.",
  actions: { my: action({ flags: FLAGS, run: importAll }) },
  notes: `Reads a NethServer "my" database. It is not changed, and the service may go on meanwhile. Systems keep their
keys and secrets. What was imported before stays as it is; run it again for what is new. A password in --database-url can be seen by other users of
this machine: --database-url-file names a file that holds the URL. --dry-run checks everything and imports nothing.`,
};

async function importAll(given: Given<typeof FLAGS>, cli: Cli): Promise<number> {
  const url = readUrl(given["database-url"], given["database-url-file"]);
  const dryRun = given["dry-run"] ?? false;
  const signal = abortWhenStopped(cli, "The import was stopped; run it again to go on.");
  const progress = cli.progress("Importing", "systems", given.json);
  const source = await openSource(url, cli.log(cli.config()));
  try {
    const report = await (dryRun ? withApp : changeApp)(cli, (app) =>
      app.commands.importMy(source, { dryRun, signal, onProgress: progress.at }),
    );
    print(report, { json: given.json, dryRun }, cli);
    return 0;
  } finally {
    progress.end();
    await source.close();
  }
}

function readUrl(url: string | undefined, file: string | undefined): string {
  if ((url === undefined) === (file === undefined))
    throw new UsageError("Give either --database-url or --database-url-file.");
  const text = url ?? readText(file ?? "");
  if (!/^postgres(ql)?:\/\//.test(text))
    throw new UsageError("The database's URL must start with postgres:// or postgresql://.");
  return text;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new Failure("import.url", 422, `${file} cannot be read: ${reasonOf(error)}.`, { cause: error });
  }
}

function print(report: Report, { json, dryRun }: { json: boolean; dryRun: boolean }, cli: Cli): void {
  if (json) return cli.print(JSON.stringify({ dry_run: dryRun, ...report }));
  cli.print(
    `${"".padEnd(15)}${(dryRun ? "would import" : "imported").padStart(12)}${"there".padStart(12)}${"skipped".padStart(12)}`,
  );
  for (const [kind, { imported, already_there, skipped }] of Object.entries(report)) {
    const left = skipped.reduce((sum, one) => sum + one.count, 0);
    cli.print(
      `${kind.padEnd(15)}${[imported, already_there, left].map((count) => String(count).padStart(12)).join("")}`,
    );
    for (const { reason, count, examples } of skipped)
      cli.print(
        `  ${count} skipped: ${printable(reason)}: ${examples.map(printable).join(", ")}${count > examples.length ? ", …" : ""}`,
      );
  }
}
