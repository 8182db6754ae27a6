// Describes what operators ask of applications, and the answers.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";
import { Cursor, NextCursor, Nullable, Time } from "../../values/schema.ts";

const Text = Nullable(Type.String());

export const ApplicationsQuery = Type.Object({
  deleted: Type.Boolean({ default: false, description: "Also those that are gone." }),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
  cursor: Cursor,
});
export type ApplicationsQuery = Static<typeof ApplicationsQuery>;

const Application = Type.Object({
  id: Type.String(),
  module_id: Type.String(),
  instance_of: Type.String(),
  name: Text,
  display_name: Text,
  source: Text,
  version: Text,
  node_id: Nullable(Type.Integer()),
  node_label: Text,
  is_user_facing: Type.Boolean(),
  url: Text,
  inventory_data: Type.Unknown(),
  first_seen_at: Time,
  updated_at: Time,
  deleted_at: Nullable(Time),
});

const InstanceCounts = Type.Array(
  Type.Object({ instance_of: Type.String(), applications: Type.Integer(), systems: Type.Integer() }),
);

export const ApplicationPage = Type.Object({
  applications: Type.Array(Application),
  counts: InstanceCounts,
  next_cursor: NextCursor,
});

export const FleetApplications = Type.Object({ counts: InstanceCounts });
