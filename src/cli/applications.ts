// muster systems applications: what runs on one NS8 cluster.
import { ApplicationsQuery } from "../domains/applications/schema.ts";
import { stringify } from "../domains/inventory/index.ts";
import { action, printable, readOptions, withApp } from "./verb.ts";

export const applications = action({
  positionals: ["KEY"],
  flags: { deleted: true, limit: "N", cursor: "C" },
  async run({ positionals, json, deleted, ...given }, cli) {
    const query = readOptions(ApplicationsQuery, { ...given, ...(deleted ? { deleted: "true" } : {}) });
    const page = await withApp(cli, (app) => app.applications.list(positionals[0] ?? "", query));
    if (json) {
      cli.print(stringify(page));
      return 0;
    }
    if (page.applications.length === 0) cli.print("No applications.");
    for (const one of page.applications) {
      const words = [
        one.module_id.padEnd(20),
        (one.version ?? "-").padEnd(12),
        `node ${one.node_id ?? "-"}`,
        one.display_name ?? one.name ?? "-",
        one.url ?? "",
        one.deleted_at ? `gone since ${one.deleted_at.toISOString()}` : "",
      ];
      cli.print(printable(words.filter((word) => word !== "").join("  ")));
    }
    if (page.next_cursor) cli.say(`More: --cursor ${page.next_cursor}`);
    return 0;
  },
});
