// Describes the feed of changes.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";
import { Cursor, Time } from "../../values/schema.ts";

export const FeedQuery = Type.Object({
  after: Cursor,
  significant: Type.Optional(Type.Boolean()),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
});
export type FeedQuery = Static<typeof FeedQuery>;

export const Feed = Type.Object({
  changes: Type.Array(
    Type.Object({
      id: Type.String(),
      system_id: Type.String(),
      system_key: Type.String(),
      record_id: Type.String(),
      previous_record_id: Type.String(),
      position: Type.Integer(),
      pointer: Type.String(),
      field_path: Type.String(),
      elements: Type.Array(Type.Unknown(), { description: "As in a system's own changes." }),
      change_type: Type.String(),
      category: Type.String(),
      severity: Type.String(),
      significant: Type.Boolean(),
      value_bytes: Type.Integer(),
      truncated: Type.Boolean({
        description: "The values are strings of how their JSON begins; …/inventory/changes/{id} has them whole.",
      }),
      previous_value: Type.Unknown(),
      current_value: Type.Unknown(),
      detected_at: Time,
    }),
  ),
  next_cursor: Type.String({ description: "Pass it as `after` next time, also when nothing came." }),
  more: Type.Boolean({ description: "There is more to fetch at once." }),
});
