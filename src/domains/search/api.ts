// Answers questions about the newest inventories of all systems: which systems meet conditions, which values there are, which are outliers.
import { readPage } from "../../http/edge/page.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Actor } from "../../values/actor.ts";
import { RawJson } from "../../values/json/raw.ts";
import { hintAt, resolvePath, resolveTerms } from "./conditions.ts";
import { countFacets } from "./facets.ts";
import { findHeldValues } from "./held.ts";
import { findSystems } from "./holders.ts";
import { listPaths } from "./lookup.ts";
import { countMatched, matchSystems, pageOf } from "./matching.ts";
import { parsePath, parseQuery } from "./language/query.ts";
import type { Term } from "./language/query.ts";
import { listOutliers } from "./outliers.ts";
import type { FacetsQuery, Filters, OutliersQuery, PathsQuery, SearchQuery } from "./schema.ts";

export type SearchApi = ReturnType<typeof openSearchApi>;

export function openSearchApi(database: Queryable) {
  return {
    async query(_actor: Actor, { q, limit, cursor, ...filters }: SearchQuery) {
      const conditions = await resolveTerms(database, termsOf(q));
      const matched = await matchSystems(database, conditions, filtersOf(filters));
      const { rows: page, next_cursor } = await readPage({
        limit,
        cursor,
        keys: ["integer"],
        read: async (after, count) => pageOf(matched, Number(after?.[0] ?? 0), count),
        keyOf: (no) => [String(no)],
      });
      const [systems, held] = await Promise.all([
        page.length > 0 ? findSystems(database, page) : [],
        findHeldValues(database, page, conditions),
      ]);
      return {
        total: countMatched(matched),
        systems: systems.map(({ no, ...system }) => ({
          ...system,
          values: (held.get(no) ?? []).map(({ path, value }) => ({ path, value: new RawJson(value) })),
        })),
        next_cursor,
        hints: conditions.flatMap(({ hint }) => hint ?? []),
      };
    },

    async facets(_actor: Actor, { path: text, q, limit, ...filters }: FacetsQuery) {
      const { path, pattern } = parsePath(text);
      const [pathIds, conditions] = await Promise.all([
        resolvePath(database, path, pattern),
        resolveTerms(database, termsOf(q)),
      ]);
      const matched = await matchSystems(database, conditions, filtersOf(filters));
      const { values, different, holding } = await countFacets(database, pathIds, matched, limit);
      return {
        path,
        values: values.map(({ value, count }) => ({ value: new RawJson(value), count })),
        more_values: different - values.length,
        missing: countMatched(matched) - holding,
        hints: [await hintAt(database, path, pathIds), ...conditions].flatMap(({ hint }) => hint ?? []),
      };
    },

    outliers: (_actor: Actor, query: OutliersQuery) => listOutliers(database, query),

    async paths(_actor: Actor, { search, limit, cursor }: PathsQuery) {
      const { rows, next_cursor } = await readPage({
        limit,
        cursor,
        keys: ["text"],
        read: (after, count) => listPaths(database, search, after?.[0], count),
        keyOf: (row) => [row.path],
      });
      return { paths: rows.map(({ path, example }) => ({ path, example: new RawJson(example) })), next_cursor };
    },
  };
}

const termsOf = (q: string | undefined): Term[] => (q === undefined || q.trim() === "" ? [] : parseQuery(q));

/** A filter that is not asked for is left out, not undefined. */
const filtersOf = ({
  status,
  type,
  organization,
}: { [Name in keyof Filters]?: Filters[Name] | undefined }): Filters => ({
  ...(status !== undefined ? { status } : {}),
  ...(type !== undefined ? { type } : {}),
  ...(organization !== undefined ? { organization } : {}),
});
