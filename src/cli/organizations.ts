// muster organizations: who owns systems, by hand.
import { ChangedOrganization, ListQuery, NewOrganization } from "../domains/organizations/schema.ts";
import type { Organization } from "../domains/organizations/index.ts";
import { action, changeApp, printable, readOptions, UsageError, withApp } from "./verb.ts";
import type { Cli, Verb } from "./verb.ts";

const FIELDS = { name: "NAME", type: "owner|distributor|reseller|customer", tenant: "TENANT", vat: "VAT" } as const;

const add = action({
  positionals: ["ID"],
  flags: FIELDS,
  required: ["name"],
  async run({ positionals, json, ...given }, cli) {
    const input = readOptions(NewOrganization, { id: positionals[0], ...given }, { id: "id" });
    return print(await changeApp(cli, (app) => app.organizations.add(input)), json, cli);
  },
});

const change = action({
  positionals: ["ID"],
  flags: FIELDS,
  async run({ positionals, json, ...given }, cli) {
    const input = readOptions(ChangedOrganization, given);
    if (Object.keys(input).length === 0) throw new UsageError("Nothing to change was given.");
    return print(await changeApp(cli, (app) => app.organizations.change(positionals[0] ?? "", input)), json, cli);
  },
});

const list = action({
  flags: { limit: "N", cursor: "C" },
  async run({ positionals, json, ...given }, cli) {
    const page = await withApp(cli, (app) => app.organizations.list(readOptions(ListQuery, given)));
    if (json) cli.print(JSON.stringify(page));
    else if (page.organizations.length === 0) cli.print("No organizations.");
    else for (const one of page.organizations) cli.print(lineOf(one));
    if (!json && page.next_cursor) cli.say(`More: --cursor ${page.next_cursor}`);
    return 0;
  },
});

const switchState = (verb: "suspend" | "resume", hint: string) =>
  action({
    positionals: ["ID"],
    hint,
    run: async ({ positionals, json }, cli) =>
      print(await changeApp(cli, (app) => app.organizations[verb](positionals[0] ?? "")), json, cli),
  });

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

export const organizations: Verb = {
  name: "organizations",
  summary: "Add, change, list, suspend, resume the organizations that own systems.",
  actions: {
    add,
    change,
    list,
    suspend: switchState("suspend", "shuts all its systems out within a second"),
    resume: switchState("resume", "lets them in again"),
  },
  notes: `ID is what systems name as their organization. Its alerts go to TENANT of Alertmanager; to its own, when there is none.`,
};
