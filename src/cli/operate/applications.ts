// Lists the applications of one NS8 cluster: muster systems applications.
import { ApplicationsQuery } from "../../domains/applications/schema.ts";
import { stringify } from "../../values/json/raw.ts";
import { PAGED, printTable, readPages, sayRest } from "../terminal/table.ts";
import { action, readOptions, withApp } from "../verb.ts";

export const applications = action({
  positionals: ["KEY"],
  flags: { deleted: true, ...PAGED },
  async run({ positionals, json, deleted, all, ...given }, cli) {
    const query = readOptions(ApplicationsQuery, { ...given, ...(deleted ? { deleted: "true" } : {}) });
    const page = await withApp(cli, (app, actor) =>
      readPages(
        query,
        all,
        (asked) => app.api.applications.list(actor, positionals[0] ?? "", asked),
        (one, next) => ({ ...next, applications: [...one.applications, ...next.applications] }),
      ),
    );
    if (json) {
      cli.print(stringify(page));
      return 0;
    }
    if (page.applications.length === 0) cli.print("No applications.");
    else
      printTable(
        cli,
        ["MODULE", "VERSION", "NODE", "NAME", "URL", "GONE SINCE"],
        page.applications.map((one) => [
          one.module_id,
          one.version,
          one.node_id,
          one.display_name ?? one.name,
          one.url,
          one.deleted_at,
        ]),
      );
    sayRest(cli, page, page.applications.length);
    return 0;
  },
});
