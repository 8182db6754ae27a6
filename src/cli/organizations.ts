// muster organizations: who owns systems, by hand.
import { ChangedOrganization, ListQuery, NewOrganization } from "../domains/organizations/schema.ts";
import type { Organization } from "../domains/organizations/index.ts";
import { UsageError, printable, readArgs, readOptions, withApp } from "./verb.ts";
import type { Cli, Verb } from "./verb.ts";

export const organizations: Verb = {
  name: "organizations",
  summary: "Add, change, list, suspend, resume the organizations that own systems.",
  usage: `muster organizations add ID --name NAME [--type owner|distributor|reseller|customer] [--tenant TENANT] [--vat VAT] [--json]
muster organizations change ID [--name NAME] [--type TYPE] [--tenant TENANT] [--vat VAT] [--json]
muster organizations list [--limit N] [--cursor C] [--json]
muster organizations suspend|resume ID [--json]      shuts all its systems out within a second, or lets them in again

ID is what systems name as their organization. Its alerts go to TENANT of Alertmanager; to its own, when there is none.`,
  async run([action = "", ...args], cli) {
    switch (action) {
      case "add":
        return add(args, cli);
      case "change":
        return change(args, cli);
      case "list":
        return list(args, cli);
      case "suspend":
      case "resume":
        return switchState(action, args, cli);
      default:
        throw new UsageError(action ? `There is no "organizations ${action}".` : "What about organizations?");
    }
  },
};

const text = { type: "string" } as const;
const FIELDS = { name: text, type: text, tenant: text, vat: text };

async function add(args: string[], cli: Cli): Promise<number> {
  const { positionals, json, ...given } = readArgs(args, FIELDS, ["ID"]);
  if (!given.name) throw new UsageError("--name is missing.");
  const input = readOptions(NewOrganization, { id: positionals[0], ...given }, { id: "id" });
  return print(await withApp(cli, (app) => app.organizations.add(input)), json, cli);
}

async function change(args: string[], cli: Cli): Promise<number> {
  const { positionals, json, ...given } = readArgs(args, FIELDS, ["ID"]);
  const input = readOptions(ChangedOrganization, given);
  if (Object.keys(input).length === 0) throw new UsageError("Nothing to change was given.");
  return print(await withApp(cli, (app) => app.organizations.change(positionals[0] ?? "", input)), json, cli);
}

async function list(args: string[], cli: Cli): Promise<number> {
  const { positionals, json, ...given } = readArgs(args, { limit: text, cursor: text });
  const page = await withApp(cli, (app) => app.organizations.list(readOptions(ListQuery, given)));
  if (json) cli.print(JSON.stringify(page));
  else if (page.organizations.length === 0) cli.print("No organizations.");
  else for (const one of page.organizations) cli.print(lineOf(one));
  if (!json && page.next_cursor) cli.say(`More: --cursor ${page.next_cursor}`);
  return 0;
}

async function switchState(action: "suspend" | "resume", args: string[], cli: Cli): Promise<number> {
  const { positionals, json } = readArgs(args, {}, ["ID"]);
  return print(await withApp(cli, (app) => app.organizations[action](positionals[0] ?? "")), json, cli);
}

function print(organization: Organization, json: boolean, cli: Cli): number {
  cli.print(json ? JSON.stringify(organization) : lineOf(organization));
  return 0;
}

const lineOf = (one: Organization) =>
  [
    printable(one.id),
    (one.suspended_at ? "suspended" : "active").padEnd(9),
    one.type.padEnd(11),
    `${one.systems} systems`,
    printable(one.name),
    `tenant ${printable(one.tenant ?? one.id)}`,
    ...(one.vat ? [`VAT ${printable(one.vat)}`] : []),
  ].join("  ");
