// muster inventory noise: which places of inventories change how often over the fleet, and pins.
import { UsageError, printable, readArgs, withApp } from "./verb.ts";
import type { Cli } from "./verb.ts";

export async function noise(args: string[], cli: Cli): Promise<number> {
  const { positionals, fold, show, json } = readArgs(
    args,
    { fold: { type: "boolean" }, show: { type: "boolean" } },
    args.some((word) => !word.startsWith("-")) ? ["pin|unpin", "PATH"] : [],
  );
  const [action, path = ""] = positionals;
  if (action === undefined) return list(cli, json);
  if (action !== "pin" && action !== "unpin") throw new UsageError(`There is no "inventory noise ${action}".`);
  if (action === "pin" && fold === show) throw new UsageError("A pin needs either --fold or --show.");
  const pin = action === "unpin" ? null : fold ? "fold" : "show";
  const row = await withApp(cli, (app) => app.inventory.noise.pin(path, pin));
  cli.print(json ? JSON.stringify(row) : `${printable(row.path)}  ${row.state}`);
  return 0;
}

async function list(cli: Cli, json: boolean): Promise<number> {
  const paths = await withApp(cli, (app) => app.inventory.noise.list());
  if (json) cli.print(JSON.stringify({ paths }));
  else if (paths.length === 0) cli.print("Nothing was learned yet: no two inventories of one system were compared.");
  else
    for (const { path, rate, observed, state } of paths)
      cli.print(
        `${(rate * 100).toFixed(1).padStart(5)} %  of ${String(observed).padStart(6)}  ${state.padEnd(12)}  ${printable(path)}`,
      );
  return 0;
}
