// Describes the questions of the search and their answers.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";
import { Cursor, FormerName, NextCursor, OneOf } from "../../values/schema.ts";
import { MAX_QUERY_LENGTH } from "./language/query.ts";

const Count = Type.Integer({ minimum: 0 });
const Hints = Type.Array(Type.String(), {
  description: "Why no system can meet a condition: a path that no inventory has, a text where numbers are stored.",
});
const Text = Type.String({ maxLength: MAX_QUERY_LENGTH });

const FILTERS = {
  status: Type.Optional(OneOf(["unknown", "active", "inactive", "suspended"])),
  type: Type.Optional(Type.String({ maxLength: 100, description: "Such as ns8 or nsec." })),
  organization: Type.Optional(Type.String({ maxLength: 255 })),
};

/** What narrows a question down, beside the conditions. */
export type Filters = { status?: string; type?: string; organization?: string };

export const SearchQuery = Type.Object({
  q: Type.Optional(Type.String({ maxLength: MAX_QUERY_LENGTH, description: "Conditions; docs/fleet.md tells how." })),
  ...FILTERS,
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  cursor: Cursor,
});
export type SearchQuery = Static<typeof SearchQuery>;

export const Search = Type.Object({
  total: Count,
  systems: Type.Array(
    Type.Object({
      system_id: Type.String(),
      system_key: Type.String(),
      name: Type.String(),
      values: Type.Array(Type.Object({ path: Type.String(), value: Type.Unknown() }), {
        description: "What the system holds at the paths of the conditions, at most 20.",
      }),
    }),
  ),
  next_cursor: NextCursor,
  hints: Hints,
});

export const FacetsQuery = Type.Object({
  path: Type.String({ minLength: 1, maxLength: MAX_QUERY_LENGTH }),
  q: Type.Optional(Text),
  ...FILTERS,
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
});
export type FacetsQuery = Static<typeof FacetsQuery>;

export const Facets = Type.Object({
  path: Type.String(),
  values: Type.Array(Type.Object({ value: Type.Unknown(), count: Count }), { description: "Most common first." }),
  more_values: Count,
  missing: Count,
  hints: Hints,
});

export const OutliersQuery = Type.Object({
  type: Type.String({ minLength: 1, maxLength: 100 }),
  limit: Type.Integer({ minimum: 1, maximum: 500, default: 100 }),
});
export type OutliersQuery = Static<typeof OutliersQuery>;

const OutlierList = Type.Array(
  Type.Object({
    path: Type.String(),
    value: Type.Unknown(),
    count: Count,
    usual: Type.Unknown({ description: "The most common value of the path." }),
    usual_count: Count,
    holders: Type.Array(Type.Object({ system_id: Type.String(), system_key: Type.String(), name: Type.String() }), {
      description: "At most 10 of them.",
    }),
  }),
  { description: "Rarest first." },
);

export const Outliers = Type.Object({
  type: Type.String(),
  systems: Count,
  enough: Type.Boolean({ description: "False below 101 systems of the type, where 1 % is less than one." }),
  outliers: OutlierList,
  odd: FormerName(OutlierList, "outliers"),
  more: Type.Boolean(),
});

export const PathsQuery = Type.Object({
  search: Type.Optional(Type.String({ maxLength: 500, description: "Part of the path, without regard to case." })),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
  cursor: Cursor,
});
export type PathsQuery = Static<typeof PathsQuery>;

export const Paths = Type.Object({
  paths: Type.Array(Type.Object({ path: Type.String(), example: Type.Unknown() })),
  next_cursor: NextCursor,
});
