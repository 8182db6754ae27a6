// Searches and prunes inventories, pins records and noise: muster inventory.
import type { InventoryApi } from "../../domains/inventory/api.ts";
import { facets, outliers, paths, query } from "./search.ts";
import { listNoise, pinNoise, unpinNoise } from "./noise.ts";
import { action, changeApp, withApp } from "../verb.ts";
import type { Verb } from "../verb.ts";

const prune = action({
  flags: { "dry-run": true },
  hint: "deletes the records that retention does not keep, as every night at 03:17 UTC",
  async run({ "dry-run": dryRun = false, json }, cli) {
    const report = await (dryRun ? withApp : changeApp)(cli, async (app, actor) => {
      const progress = cli.progress("Pruning", "systems", json);
      const total = Object.values(await app.api.systems.count(actor)).reduce((sum, count) => sum + count, 0);
      try {
        return await app.api.inventory.prune(actor, {
          dryRun,
          onSystems: (done) => progress.at(Math.min(done, total), total),
        });
      } finally {
        progress.end();
      }
    });
    if (json) cli.print(JSON.stringify(report));
    else for (const line of linesOf(report)) cli.print(line);
    return 0;
  },
});

const STAGE_NAMES: Record<string, string> = {
  all: "last 7 days, all",
  day: "to 1 month, 1 a day",
  week: "to 3 months, 1 a week",
  month: "to 1 year, 1 a month",
  quarter: "older, 1 a quarter",
};

type Report = Awaited<ReturnType<InventoryApi["prune"]>>;

function linesOf({ dry_run: dryRun, stages, alerts_deleted: alerts }: Report): string[] {
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

const switchPin = (verb: "pin" | "unpin", hint = "") =>
  action({
    positionals: ["KEY", "RECORD_ID"],
    hint,
    async run({ positionals, json }, cli) {
      const [key = "", recordId = ""] = positionals;
      const pin = await changeApp(cli, (app, actor) => app.api.inventory[verb](actor, key, recordId));
      if (json) cli.print(JSON.stringify(pin));
      else cli.print(pin.pinned ? `The record ${recordId} stays.` : `The record ${recordId} ages like the others.`);
      return 0;
    },
  });

export const inventory: Verb = {
  name: "inventory",
  summary: "Search the newest inventories of all systems; prune old ones, pin those that must stay.",
  actions: {
    query,
    facets,
    outliers,
    paths,
    prune,
    pin: switchPin("pin", "a pinned record is never pruned"),
    unpin: switchPin("unpin"),
    noise: listNoise,
    "noise pin": pinNoise,
    "noise unpin": unpinNoise,
  },
  formerWords: { odd: "outliers" },
  notes: "KEY is the system key or the system id.",
};
