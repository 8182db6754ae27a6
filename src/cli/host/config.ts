// Prints every setting in force and its meaning, with secrets hidden: muster config.
import { describeConfig } from "../../app/settings.ts";
import { UsageError, action } from "../verb.ts";
import type { Given } from "../arguments.ts";
import type { Cli, Verb } from "../verb.ts";

export const config: Verb = {
  name: "config",
  summary: "Print the settings in force.",
  actions: { "": action({ flags: { markdown: true }, run }) },
  notes: `Settings come from the environment. A program that was installed reads /etc/muster/muster.env too, as systemd does;
MUSTER_ENV_FILE names another file, and empty none. --markdown prints the table of docs/settings.md, with the defaults.`,
};

async function run({ json, markdown }: Given<{ markdown: true }>, cli: Cli): Promise<number> {
  if (json && markdown) throw new UsageError("--json and --markdown exclude each other.");
  if (markdown) {
    cli.print(settingsTable());
    return 0;
  }
  const rows = describe(cli);
  if (json) cli.print(JSON.stringify(Object.fromEntries(rows.map((row) => [row.name, row.value]))));
  else for (const row of rows) cli.print(`${row.name}=${row.value}${row.set ? "" : "  (default)"}\n    ${row.doc}`);
  const file = cli.settingsFile();
  if (file !== undefined) cli.say(`Read from the environment, and from ${file}.`);
  // Prints the settings before their faults: an operator with a fault looks here.
  cli.config();
  return 0;
}

function describe(cli: Cli) {
  try {
    return describeConfig(cli.environment());
  } catch (error) {
    // A secret's file that cannot be read may be one fault of several; names them all.
    cli.config();
    throw error;
  }
}

/** The settings as a Markdown table, with their defaults instead of their values. */
export function settingsTable(): string {
  const rows = describeConfig({}).map(({ name, doc, default: fallback }) => {
    const shown =
      name === "DATA_DIR" ? "`/var/lib/muster` as root, else `./data`" : fallback === "" ? "" : `\`${fallback}\``;
    return `| \`${name}\` | ${shown} | ${doc} |`;
  });
  return ["| setting | default | meaning |", "|---|---|---|", ...rows].join("\n");
}
