// Lists how often places of inventories change over the fleet, and pins them: muster inventory noise.
import { printTable } from "../terminal/table.ts";
import { action, changeApp, printable, UsageError, withApp } from "../verb.ts";
import type { Cli } from "../verb.ts";

export const listNoise = action({
  hint: "places that change, most often first, and what is suppressed",
  async run({ json }, cli) {
    const paths = await withApp(cli, (app, actor) => app.api.noise.list(actor));
    if (json) cli.print(JSON.stringify({ paths }));
    else if (paths.length === 0)
      cli.print("No place changed within two weeks that no rule suppresses, and nothing is pinned.");
    else
      printTable(
        cli,
        ["DAYS", "SYSTEMS", "ORGANIZATIONS", "STATE", "PATH"],
        paths.map((row) => [
          `${(row.rate * 100).toFixed(1)} %`,
          row.systems,
          row.organizations,
          stateOf(row),
          row.path,
        ]),
      );
    return 0;
  },
});

export const pinNoise = action({
  positionals: ["PATH"],
  flags: { suppress: true, show: true, fold: true },
  hint: "--suppress (formerly --fold) or --show a place's changes, whatever was learned",
  async run({ positionals, suppress, fold, show, json }, cli) {
    const isSuppressed = suppress ?? fold;
    if (isSuppressed === show) throw new UsageError("A pin needs either --suppress or --show.");
    return setPin(positionals[0] ?? "", isSuppressed ? "fold" : "show", json, cli);
  },
});

export const unpinNoise = action({
  positionals: ["PATH"],
  run: ({ positionals, json }, cli) => setPin(positionals[0] ?? "", null, json, cli),
});

async function setPin(path: string, pin: "fold" | "show" | null, json: boolean, cli: Cli): Promise<number> {
  const row = await changeApp(cli, (app, actor) => app.api.noise.pin(actor, path, pin));
  cli.print(json ? JSON.stringify(row) : `${printable(row.path)}  ${stateOf(row)}`);
  return 0;
}

/** `fold` is the former word, which only --json keeps. */
const stateOf = ({ pin, state }: { pin: string | null; state: string }) =>
  pin === "fold" ? "pinned: suppress" : state;
