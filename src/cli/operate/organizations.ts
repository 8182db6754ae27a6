// Adds, changes, lists, suspends and resumes organizations: muster organizations.
import { ChangedOrganization, ListQuery, NewOrganization } from "../../domains/organizations/schema.ts";
import type { Organization } from "../../domains/organizations/schema.ts";
import { PAGED, printTable, readPages, sayRest } from "../terminal/table.ts";
import type { Cell } from "../terminal/table.ts";
import { action, changeApp, printable, readOptions, UsageError, withApp } from "../verb.ts";
import type { Cli, Verb } from "../verb.ts";

const FIELDS = { name: "NAME", type: "owner|distributor|reseller|customer", tenant: "TENANT", vat: "VAT" } as const;

const add = action({
  positionals: ["ID"],
  flags: FIELDS,
  required: ["name"],
  async run({ positionals, json, ...given }, cli) {
    const input = readOptions(NewOrganization, { id: positionals[0], ...given }, { id: "id" });
    return print(await changeApp(cli, (app, actor) => app.api.organizations.add(actor, input)), json, cli);
  },
});

const change = action({
  positionals: ["ID"],
  flags: FIELDS,
  async run({ positionals, json, ...given }, cli) {
    const input = readOptions(ChangedOrganization, given);
    if (Object.keys(input).length === 0) throw new UsageError("Nothing to change was given.");
    return print(
      await changeApp(cli, (app, actor) => app.api.organizations.change(actor, positionals[0] ?? "", input)),
      json,
      cli,
    );
  },
});

const list = action({
  flags: PAGED,
  async run({ positionals, json, all, ...given }, cli) {
    const query = readOptions(ListQuery, given);
    const { page, total } = await withApp(cli, async ({ api: { organizations } }, actor) => {
      const page = await readPages(
        query,
        all,
        (asked) => organizations.list(actor, asked),
        (one, next) => ({
          ...next,
          organizations: [...one.organizations, ...next.organizations],
        }),
      );
      return { page, total: page.next_cursor === null ? undefined : await organizations.count(actor) };
    });
    if (json) {
      cli.print(JSON.stringify(page));
      return 0;
    }
    if (page.organizations.length === 0) cli.print("No organizations.");
    else printTable(cli, HEADERS, page.organizations.map(rowOf));
    sayRest(cli, page, page.organizations.length, total);
    return 0;
  },
});

const switchState = (verb: "suspend" | "resume", hint: string) =>
  action({
    positionals: ["ID"],
    hint,
    run: async ({ positionals, json }, cli) =>
      print(await changeApp(cli, (app, actor) => app.api.organizations[verb](actor, positionals[0] ?? "")), json, cli),
  });

function print(organization: Organization, json: boolean, cli: Cli): number {
  if (json) cli.print(JSON.stringify(organization));
  else printTable(cli, HEADERS, [rowOf(organization)]);
  return 0;
}

const HEADERS = ["ID", "STATE", "TYPE", "SYSTEMS", "NAME", "TENANT", "VAT"];
const rowOf = (one: Organization): Cell[] => [
  one.id,
  one.suspended_at ? "suspended" : "active",
  one.type,
  one.systems,
  one.name,
  one.tenant ?? one.id,
  one.vat,
];

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
