// Adds, lists and revokes tokens of operators: muster tokens.
import { printTable, timeOf } from "../terminal/table.ts";
import { action, changeApp, printable, withApp } from "../verb.ts";
import type { Verb } from "../verb.ts";

const add = action({
  flags: { name: "NAME" },
  required: ["name"],
  hint: "prints the token, only this once",
  async run({ name = "", json }, cli) {
    const added = await changeApp(cli, ({ api: { operators } }, actor) => operators.addToken(actor, name));
    cli.print(
      json
        ? JSON.stringify(added)
        : `${added.token}\n\nKeep it: it is not shown again. Use it as "Authorization: Bearer ${added.token.slice(0, 8)}…".`,
    );
    return 0;
  },
});

const list = action({
  async run({ json }, cli) {
    const all = await withApp(cli, ({ api: { operators } }, actor) => operators.listTokens(actor));
    if (json) cli.print(JSON.stringify({ tokens: all }));
    else if (all.length === 0) cli.print('No tokens yet: "muster tokens add --name NAME" makes one.');
    else
      printTable(
        cli,
        ["ID", "NAME", "MADE", "LAST USED"],
        all.map((one) => [one.id, one.name, timeOf(one.created_at), one.last_used_at && timeOf(one.last_used_at)]),
      );
    return 0;
  },
});

const revoke = action({
  positionals: ["ID or NAME"],
  async run({ positionals, json }, cli) {
    const [idOrName = ""] = positionals;
    await changeApp(cli, ({ api: { operators } }, actor) => operators.revokeToken(actor, idOrName));
    cli.print(json ? JSON.stringify({ revoked: idOrName }) : `Revoked ${idOrName}.`);
    return 0;
  },
});

export const tokens: Verb = {
  name: "tokens",
  summary: "Add, list and revoke operator tokens.",
  actions: { add, list, revoke },
};
