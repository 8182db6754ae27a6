// muster config: every setting, what is in force, what it means. Secrets stay hidden.
import { describeConfig } from "../config.ts";
import { readArgs } from "./verb.ts";
import type { Verb } from "./verb.ts";

export const config: Verb = {
  name: "config",
  summary: "Print the settings in force.",
  usage: `muster config [--json | --markdown]

Settings come from the environment only. --markdown prints the table of the README, with the defaults.`,
  async run(args, cli) {
    const { json, markdown } = readArgs(args, { markdown: { type: "boolean" } });
    if (markdown) {
      cli.print(settingsTable());
      return 0;
    }
    // Faults are shown, not only refused: this is where one looks for them.
    const rows = describeConfig(cli.env);
    if (json) cli.print(JSON.stringify(Object.fromEntries(rows.map((row) => [row.name, row.value]))));
    else for (const row of rows) cli.print(`${row.name}=${row.value}${row.set ? "" : "  (default)"}\n    ${row.doc}`);
    cli.config();
    return 0;
  },
};

/** The settings as a Markdown table, with defaults instead of what happens to be set. */
export function settingsTable(): string {
  const rows = describeConfig({}).map(({ name, doc, default: fallback }) => {
    const shown =
      name === "DATA_DIR" ? "`/var/lib/muster` as root, else `./data`" : fallback === "" ? "" : `\`${fallback}\``;
    return `| \`${name}\` | ${shown} | ${doc} |`;
  });
  return ["| setting | default | meaning |", "|---|---|---|", ...rows].join("\n");
}
