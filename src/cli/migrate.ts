// muster migrate: bring the database to this executable's schema, and say what was done.
import { action, withApp } from "./verb.ts";
import type { Cli, Verb } from "./verb.ts";

export const migrate: Verb = {
  name: "migrate",
  summary: "Apply the migrations that the database lacks (serve does so too).",
  actions: { "": action({ run: migrateDatabase }) },
};

async function migrateDatabase({ json }: { json: boolean }, cli: Cli): Promise<number> {
  return withApp(cli, async ({ migrated: { applied, version } }) => {
    if (json) cli.print(JSON.stringify({ applied, version }));
    else
      cli.print(
        applied.length === 0
          ? `Nothing to do: the schema is at version ${version}.`
          : `Applied ${applied.join(", ")}; the schema is at version ${version}.`,
      );
    return 0;
  });
}
