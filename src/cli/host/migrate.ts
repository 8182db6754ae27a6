// Brings the database to this executable's schema, and says what was done.
import { action, sayChanged } from "../verb.ts";
import type { Cli, Verb } from "../verb.ts";

export const migrate: Verb = {
  name: "migrate",
  summary: "Make the database, or apply the migrations that it lacks (serve does so too).",
  actions: { "": action({ run: migrateDatabase }) },
};

async function migrateDatabase({ json }: { json: boolean }, cli: Cli): Promise<number> {
  const app = await cli.openApp("migrate");
  try {
    const { applied, version } = app.about.migrated;
    if (json) cli.print(JSON.stringify({ applied, version }));
    else
      cli.print(
        applied.length === 0
          ? `Nothing to do: the schema is at version ${version}.`
          : `Applied ${applied.join(", ")}; the schema is at version ${version}.`,
      );
    if (applied.length > 0) sayChanged(cli, app.about.runsOn.installation);
    return 0;
  } finally {
    await app.stop();
  }
}
