// Questions about the whole fleet: which systems, which values and how many of each, which paths there are.
import { decodeCursor, encodeCursor } from "../../http/cursor.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Documents } from "../inventory/index.ts";
import { resolvePath, resolveTerms } from "./conditions.ts";
import { findHeldValues } from "./held.ts";
import * as lookup from "./lookup.ts";
import { parsePath, parseQuery } from "./query.ts";
import type { Term } from "./query.ts";
import type { FacetsQuery, Filters, PathsQuery, SearchQuery } from "./schema.ts";

export interface SearchDeps {
  database: Queryable;
  documents: Pick<Documents, "raw">;
}

export function openSearch({ database, documents: { raw } }: SearchDeps) {
  return {
    async search({ q, limit, cursor, ...filters }: SearchQuery) {
      const after = Number(decodeCursor(cursor, ["integer"])?.[0] ?? 0);
      const conditions = await resolveTerms(database, termsOf(q));
      const { total, systems } = await lookup.searchSystems(database, conditions, filtersOf(filters), { limit, after });
      const held = await findHeldValues(
        database,
        systems.map((system) => system.no),
        conditions,
      );
      const last = systems.length === limit ? systems.at(-1) : undefined;
      return {
        total,
        systems: systems.map(({ no, ...system }) => ({
          ...system,
          values: (held.get(no) ?? []).map(({ path, value }) => ({ path, value: raw(value) })),
        })),
        next_cursor: last ? encodeCursor(String(last.no)) : null,
      };
    },

    async facets({ path: text, q, limit, ...filters }: FacetsQuery) {
      const { path, pattern } = parsePath(text);
      const [pathIds, conditions] = await Promise.all([
        resolvePath(database, path, pattern),
        resolveTerms(database, termsOf(q)),
      ]);
      const counted = await lookup.countValues(database, pathIds, conditions, filtersOf(filters), limit);
      return {
        path,
        values: counted.values.map(({ value, count }) => ({ value: raw(value), count })),
        more_values: counted.different - counted.values.length,
        missing: counted.asked - counted.holding,
      };
    },

    async paths({ search, limit, cursor }: PathsQuery) {
      const rows = await lookup.listPaths(database, search, decodeCursor(cursor, ["text"])?.[0], limit);
      const last = rows.length === limit ? rows.at(-1) : undefined;
      return {
        paths: rows.map(({ path, example }) => ({ path, example: raw(example) })),
        next_cursor: last ? encodeCursor(last.path) : null,
      };
    },
  };
}

const termsOf = (q: string | undefined): Term[] => (q === undefined || q.trim() === "" ? [] : parseQuery(q));

/** A type that is not asked for is left out, not undefined. */
const filtersOf = ({
  status,
  type,
  organization,
}: { [Name in keyof Filters]?: Filters[Name] | undefined }): Filters => ({
  ...(status !== undefined ? { status } : {}),
  ...(type !== undefined ? { type } : {}),
  ...(organization !== undefined ? { organization } : {}),
});
