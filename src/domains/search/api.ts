// Answers questions about the newest inventories of all systems: which systems meet conditions, which values there are, which are outliers.
import { decodeCursor, encodeCursor } from "../../http/edge/cursor.ts";
import type { Queryable } from "../../ports/database.ts";
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
    async query({ q, limit, cursor, ...filters }: SearchQuery) {
      const after = Number(decodeCursor(cursor, ["integer"])?.[0] ?? 0);
      const conditions = await resolveTerms(database, termsOf(q));
      const matched = await matchSystems(database, conditions, filtersOf(filters));
      const page = pageOf(matched, after, limit);
      const [systems, held] = await Promise.all([
        page.length > 0 ? findSystems(database, page) : [],
        findHeldValues(database, page, conditions),
      ]);
      const last = page.length === limit ? page.at(-1) : undefined;
      return {
        total: countMatched(matched),
        systems: systems.map(({ no, ...system }) => ({
          ...system,
          values: (held.get(no) ?? []).map(({ path, value }) => ({ path, value: new RawJson(value) })),
        })),
        next_cursor: last ? encodeCursor(String(last)) : null,
        hints: conditions.flatMap(({ hint }) => hint ?? []),
      };
    },

    async facets({ path: text, q, limit, ...filters }: FacetsQuery) {
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

    outliers: (query: OutliersQuery) => listOutliers(database, query),

    async paths({ search, limit, cursor }: PathsQuery) {
      const rows = await listPaths(database, search, decodeCursor(cursor, ["text"])?.[0], limit);
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return {
        paths: rows.map(({ path, example }) => ({ path, example: new RawJson(example) })),
        next_cursor: last ? encodeCursor(last.path) : null,
      };
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
