// muster tokens: who may use the admin API.
import { UsageError, printable, readArgs, withApp } from "./verb.ts";
import type { Cli, Verb } from "./verb.ts";

export const tokens: Verb = {
  name: "tokens",
  summary: "Add, list and revoke operator tokens.",
  usage: `muster tokens add --name NAME [--json]     prints the token, this once
muster tokens list [--json]
muster tokens revoke ID|NAME [--json]`,
  async run([action = "", ...args], cli) {
    switch (action) {
      case "add":
        return add(args, cli);
      case "list":
        return list(args, cli);
      case "revoke":
        return revoke(args, cli);
      default:
        throw new UsageError(action ? `There is no "tokens ${action}".` : "What about tokens?");
    }
  },
};

async function add(args: string[], cli: Cli): Promise<number> {
  const { name, json } = readArgs(args, { name: { type: "string" } });
  if (!name) throw new UsageError("--name is missing.");
  const added = await withApp(cli, ({ operators }) => operators.addToken(name));
  cli.print(
    json
      ? JSON.stringify(added)
      : `${added.token}\n\nKeep it: it is not shown again. Use it as "Authorization: Bearer ${added.token.slice(0, 8)}…".`,
  );
  return 0;
}

async function list(args: string[], cli: Cli): Promise<number> {
  const { json } = readArgs(args, {});
  const all = await withApp(cli, ({ operators }) => operators.listTokens());
  if (json) cli.print(JSON.stringify({ tokens: all }));
  else if (all.length === 0) cli.print('No tokens yet: "muster tokens add --name NAME" makes one.');
  else
    for (const { id, name, last_used_at } of all)
      cli.print(
        `${id}  ${printable(name)}  ${last_used_at ? `last used ${new Date(last_used_at).toISOString()}` : "never used"}`,
      );
  return 0;
}

async function revoke(args: string[], cli: Cli): Promise<number> {
  const { positionals, json } = readArgs(args, {}, ["ID or NAME"]);
  const [idOrName = ""] = positionals;
  await withApp(cli, ({ operators }) => operators.revokeToken(idOrName));
  cli.print(json ? JSON.stringify({ revoked: idOrName }) : `Revoked ${idOrName}.`);
  return 0;
}
