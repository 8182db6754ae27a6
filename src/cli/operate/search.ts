// Searches the newest inventories of all systems: muster inventory query, facets, outliers, paths.
import { FacetsQuery, OutliersQuery, PathsQuery, SearchQuery } from "../../domains/search/schema.ts";
import { counted } from "../../values/count.ts";
import { stringify } from "../../values/json/raw.ts";
import { requireOrganization } from "./owner.ts";
import { PAGED, printTable, readPages, sayRest } from "../terminal/table.ts";
import { action, printable, readOptions, withApp } from "../verb.ts";
import type { Cli } from "../verb.ts";

const FILTERS = { type: "T", status: "S", organization: "ID", limit: "N" } as const;
/** Values longer than this are cut in lists; --json has them whole. */
const MAX_SHOWN = 60;

export const query = action({
  positionals: ["QUERY"],
  flags: { ...FILTERS, ...PAGED },
  hint: "systems that meet conditions: 'facts.distro.version < 8.6'",
  async run({ positionals, json, all, ...given }, cli) {
    const asked = readOptions(SearchQuery, { ...given, q: positionals[0] ?? "" });
    const page = await withApp(cli, async (app, actor) => {
      await requireOrganization(app, actor, asked.organization);
      return readPages(
        asked,
        all,
        (wanted) => app.api.search.query(actor, wanted),
        (one, next) => ({
          ...next,
          systems: [...one.systems, ...next.systems],
        }),
      );
    });
    if (json) return printJson(page, cli);
    for (const system of page.systems) {
      cli.print(`${system.system_key}  ${printable(system.name)}`);
      for (const { path, value } of system.values) cli.print(`    ${printable(path)} = ${shown(value)}`);
    }
    cli.say(`${counted(page.total, "system")}.`);
    for (const hint of page.hints) cli.say(sentence(hint));
    sayRest(cli, page, page.systems.length, page.total);
    return 0;
  },
});

export const facets = action({
  positionals: ["PATH"],
  flags: { query: "QUERY", ...FILTERS },
  hint: "which values there are, and how many systems hold each",
  async run({ positionals, json, query: q, ...given }, cli) {
    const asked = readOptions(
      FacetsQuery,
      { ...given, path: positionals[0], ...(q === undefined ? {} : { q }) },
      { q: "query" },
    );
    const found = await withApp(cli, async (app, actor) => {
      await requireOrganization(app, actor, asked.organization);
      return app.api.search.facets(actor, asked);
    });
    if (json) return printJson(found, cli);
    printTable(
      cli,
      ["SYSTEMS", "VALUE"],
      found.values.map(({ value, count }) => [count, shown(value)]),
    );
    if (found.more_values > 0) cli.say(`${counted(found.more_values, "more value")}: --limit shows more.`);
    for (const hint of found.hints) cli.say(sentence(hint));
    if (found.missing > 0) cli.say(`${counted(found.missing, "system has", "systems have")} no such path.`);
    return 0;
  },
});

export const outliers = action({
  positionals: ["TYPE"],
  flags: { limit: "N" },
  hint: "values that fewer than 1 % of the systems of a type hold",
  async run({ positionals, json, ...given }, cli) {
    const asked = readOptions(OutliersQuery, { ...given, type: positionals[0] });
    const found = await withApp(cli, (app, actor) => app.api.search.outliers(actor, asked));
    if (json) return printJson(found, cli);
    if (!found.enough)
      cli.say(`${counted(found.systems, "system")} of the type ${found.type}: outliers are found among more than 100.`);
    else if (found.outliers.length === 0) cli.print("No outliers.");
    for (const one of found.outliers) {
      const usual = `${shown(one.usual)} on ${one.usual_count}`;
      cli.print(`${String(one.count).padStart(5)}  ${printable(one.path)} = ${shown(one.value)}  (usual: ${usual})`);
      for (const holder of one.holders) cli.print(`       ${holder.system_key}  ${printable(holder.name)}`);
    }
    if (found.more) cli.say("More: --limit shows more.");
    return 0;
  },
});

export const paths = action({
  flags: { search: "TEXT", ...PAGED },
  async run({ positionals, json, all, ...given }, cli) {
    const query = readOptions(PathsQuery, given);
    const page = await withApp(cli, (app, actor) =>
      readPages(
        query,
        all,
        (wanted) => app.api.search.paths(actor, wanted),
        (one, next) => ({ ...next, paths: [...one.paths, ...next.paths] }),
      ),
    );
    if (json) return printJson(page, cli);
    if (page.paths.length === 0) cli.print("No paths.");
    else
      printTable(
        cli,
        ["PATH", "EXAMPLE"],
        page.paths.map(({ path, example }) => [path, shown(example)]),
      );
    sayRest(cli, page, page.paths.length);
    return 0;
  },
});

const sentence = (hint: string) => `${hint.charAt(0).toUpperCase()}${printable(hint.slice(1))}.`;

function printJson(answer: unknown, cli: Cli): number {
  cli.print(stringify(answer));
  return 0;
}

function shown(value: unknown): string {
  const json = printable(stringify(value));
  return json.length > MAX_SHOWN ? `${json.slice(0, MAX_SHOWN - 1)}…` : json;
}
