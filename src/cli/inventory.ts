// muster inventory: what is kept of inventories, for how long, and what they say across systems.
import type { PruneReport } from "../domains/inventory/index.ts";
import { FLEET_USAGE, facets, odd, paths, query } from "./fleet.ts";
import { noise } from "./noise.ts";
import { UsageError, readArgs, withApp } from "./verb.ts";
import type { Cli, Verb } from "./verb.ts";

export const inventory: Verb = {
  name: "inventory",
  summary: "Search the newest inventories of all systems; prune old ones, pin those that must stay.",
  usage: `${FLEET_USAGE}
muster inventory prune [--dry-run] [--json]            deletes what retention lets go, as every night at 03:17 UTC
muster inventory pin|unpin KEY RECORD_ID [--json]      a pinned record is never pruned
muster inventory noise [--json]                        places that change, most often first, and what is folded
muster inventory noise pin PATH --fold|--show [--json] fold a place's changes, or show them whatever was learned
muster inventory noise unpin PATH [--json]

KEY is the system key or the system id.`,
  async run([action = "", ...args], cli) {
    const verb = ACTIONS[action];
    if (!verb) throw new UsageError(action ? `There is no "inventory ${action}".` : "What about inventories?");
    return verb(args, cli);
  },
};

const ACTIONS: Record<string, (args: string[], cli: Cli) => Promise<number>> = {
  noise,
  query,
  facets,
  odd,
  paths,
  prune,
  pin: (args, cli) => switchPin("pin", args, cli),
  unpin: (args, cli) => switchPin("unpin", args, cli),
};

async function prune(args: string[], cli: Cli): Promise<number> {
  const { "dry-run": dryRun = false, json } = readArgs(args, { "dry-run": { type: "boolean" } });
  const report = await withApp(cli, (app) => app.inventory.prune({ dryRun }));
  if (json) cli.print(JSON.stringify(report));
  else for (const line of linesOf(report)) cli.print(line);
  return 0;
}

const STAGE_NAMES: Record<string, string> = {
  all: "last 7 days, all",
  day: "to 1 month, 1 a day",
  week: "to 3 months, 1 a week",
  month: "to 1 year, 1 a month",
  quarter: "older, 1 a quarter",
};

function linesOf({ dry_run: dryRun, stages, alerts_deleted: alerts }: PruneReport): string[] {
  const verb = dryRun ? "would go" : "deleted";
  const rows = stages.map((row) => [STAGE_NAMES[row.stage] ?? row.stage, row.deleted, row.bytes_freed, row.kept]);
  const sum = (column: number) => rows.reduce((total, row) => total + Number(row[column]), 0);
  const table = [["received", verb, "bytes", "kept"], ...rows, ["together", sum(1), sum(2), sum(3)]];
  return [
    ...table.map(([name, ...numbers]) =>
      [String(name).padEnd(22), ...numbers.map((one) => String(one).padStart(14))].join(""),
    ),
    `Alerts resolved more than 30 days ago: ${alerts} ${verb}.`,
  ];
}

async function switchPin(action: "pin" | "unpin", args: string[], cli: Cli): Promise<number> {
  const { positionals, json } = readArgs(args, {}, ["KEY", "RECORD_ID"]);
  const [key = "", recordId = ""] = positionals;
  const pin = await withApp(cli, (app) => app.inventory.pins[action](key, recordId));
  if (json) cli.print(JSON.stringify(pin));
  else cli.print(pin.pinned ? `The record ${recordId} stays.` : `The record ${recordId} ages like the others.`);
  return 0;
}
