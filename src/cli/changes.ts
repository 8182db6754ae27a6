// muster systems changes: what changed on one system, newest first, as a list one can read.
import { ChangesQuery } from "../domains/inventory/schema.ts";
import { RawJson, stringify } from "../domains/inventory/index.ts";
import { action, printable, readOptions, withApp } from "./verb.ts";

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
  async run({ positionals, json, all, type, ...given }, cli) {
    const query = readOptions(
      ChangesQuery,
      { ...given, ...(type ? { change_type: type } : {}), ...(all ? {} : { significant: "true" }) },
      { change_type: "type" },
    );
    const page = await withApp(cli, (app) => app.inventory.reader.changes(positionals[0] ?? "", query));
    if (json) {
      cli.print(stringify(page));
      return 0;
    }
    if (page.changes.length === 0)
      cli.print(all ? "No changes." : "No significant changes; --all shows the others too.");
    for (const change of page.changes) {
      const values =
        { create: shown(change.current_value), delete: shown(change.previous_value) }[change.change_type] ??
        `${shown(change.previous_value)} → ${shown(change.current_value)}`;
      const sign = { create: "+", delete: "-" }[change.change_type] ?? "~";
      cli.print(
        `${change.detected_at.toISOString().slice(0, 19)}Z  ${change.severity.padEnd(8)}  ${change.category.padEnd(8)}  ${sign} ${printable(`${change.field_path}: ${values}`)}`,
      );
    }
    if (page.next_cursor) cli.say(`More: --cursor ${page.next_cursor}`);
    return 0;
  },
});

function shown(value: RawJson | null): string {
  const text = value?.text ?? "null";
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
}
