// Lists what changed on one system, newest first: muster systems changes.
import { ChangesQuery } from "../../domains/inventory/schema.ts";
import { RawJson, stringify } from "../../values/json/raw.ts";
import type { App } from "../../app/open.ts";
import { printTable, sayRest, timeOf } from "../terminal/table.ts";
import { action, readOptions, withApp } from "../verb.ts";

/** Values longer than this are cut in the list; --json has them whole. */
const MAX_SHOWN = 60;

export const changes = action({
  positionals: ["KEY"],
  flags: {
    severity: "LIST",
    category: "LIST",
    type: "LIST",
    from: "TIME",
    to: "TIME",
    limit: "N",
    cursor: "C",
    all: true,
  },
  hint: "newest first; --all: those that are not significant too",
  async run({ positionals, json, all, type, ...given }, cli) {
    const query = readOptions(
      ChangesQuery,
      { ...given, ...(type ? { change_type: type } : {}), ...(all ? {} : { significant: "true" }) },
      { change_type: "type" },
    );
    const page = await withApp(cli, (app, actor) => app.api.inventory.changes(actor, positionals[0] ?? "", query));
    if (json) {
      cli.print(stringify(page));
      return 0;
    }
    if (page.changes.length === 0)
      cli.print(all ? "No changes." : "No significant changes; --all shows the others too.");
    else
      printTable(
        cli,
        ["DETECTED", "SEVERITY", "CATEGORY", "CHANGE"],
        page.changes.map((change) => [timeOf(change.detected_at), change.severity, change.category, describe(change)]),
      );
    sayRest(cli, page, page.changes.length, undefined, "--limit shows more");
    return 0;
  },
});

type Change = Awaited<ReturnType<App["api"]["inventory"]["changes"]>>["changes"][number];

function describe({ change_type: type, field_path: path, previous_value: previous, current_value: current }: Change) {
  if (type === "create") return `+ ${path}: ${shown(current)}`;
  if (type === "delete") return `- ${path}: ${shown(previous)}`;
  return `~ ${path}: ${shown(previous)} → ${shown(current)}`;
}

function shown(value: RawJson | null): string {
  const text = value?.text ?? "null";
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
}
