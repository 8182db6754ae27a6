// Upgrades the carried database to the PostgreSQL that this executable carries: muster upgrade-postgres.
import { removeOldPostgres, upgradePostgres } from "../../app/dumps.ts";
import type { Given } from "../arguments.ts";
import { abortWhenStopped } from "./dump.ts";
import { action, printable, sayChanged } from "../verb.ts";
import type { Cli, Verb } from "../verb.ts";
import { VERSION } from "../version.ts";

type Flags = { programs: "DIR"; "remove-old": true };

export const upgradePostgresVerb: Verb = {
  name: "upgrade-postgres",
  summary: "Move the carried database to the PostgreSQL that this executable carries.",
  actions: {
    "": action({
      flags: { programs: "DIR", "remove-old": true },
      hint: "needs as much free space as the database has; --remove-old removes what it kept",
      run: upgrade,
    }),
  },
  notes: `No gateway may run on DATA_DIR meanwhile. The old files and a dump of them are kept until --remove-old. The old PostgreSQL's
programs are those that the older muster had unpacked; --programs names others, such as /usr/lib/postgresql/17.`,
};

async function upgrade({ programs, "remove-old": removes, json }: Given<Flags>, cli: Cli): Promise<number> {
  const config = cli.config();
  if (removes) return removeOld(json, cli);
  const signal = abortWhenStopped(cli, "The upgrade was stopped. The database is as it was.");
  const log = cli.log({
    ...config,
    log: { ...config.log, level: config.log.level === "info" ? "warn" : config.log.level },
  });
  const done = await upgradePostgres(config, { programs, version: VERSION, log, signal, say: cli.say });
  if (json) cli.print(JSON.stringify(done ?? null));
  else if (!done) cli.print("Nothing to do: the database is of the carried PostgreSQL's version.");
  else {
    const { from, to, kept, dump, moved } = done;
    if (moved.leftOut.length > 0)
      cli.say(`Left out, because they are not Muster's: ${moved.leftOut.map(printable).join(", ")}.`);
    cli.print(`PostgreSQL ${from} → ${to}: ${moved.rows} rows of ${moved.tables} tables.`);
    cli.print(`Kept until "muster upgrade-postgres --remove-old": ${kept}, ${dump}`);
  }
  if (done) sayChanged(cli, `the data directory ${config.data.directory}`);
  return 0;
}

async function removeOld(json: boolean, cli: Cli): Promise<number> {
  const removed = await removeOldPostgres(cli.config());
  if (json) cli.print(JSON.stringify({ removed }));
  else cli.print(removed.length === 0 ? "Nothing to do: nothing was kept." : `Removed ${removed.join(", ")}.`);
  if (removed.length > 0) sayChanged(cli, `the data directory ${cli.config().data.directory}`);
  return 0;
}
