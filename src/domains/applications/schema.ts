// Describes what operators ask of applications, and the answers.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";

const Text = Type.Union([Type.String(), Type.Null()]);
const Time = Type.String({ format: "date-time" });

export const ApplicationsQuery = Type.Object({
  deleted: Type.Boolean({ default: false, description: "Those that are gone, too." }),
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
  cursor: Type.Optional(Type.String({ maxLength: 2048 })),
});
export type ApplicationsQuery = Static<typeof ApplicationsQuery>;

export const Application = Type.Object({
  id: Type.String(),
  module_id: Type.String(),
  instance_of: Type.String(),
  name: Text,
  display_name: Text,
  source: Text,
  version: Text,
  node_id: Type.Union([Type.Integer(), Type.Null()]),
  node_label: Text,
  is_user_facing: Type.Boolean(),
  url: Text,
  inventory_data: Type.Unknown(),
  first_seen_at: Time,
  updated_at: Time,
  deleted_at: Type.Union([Time, Type.Null()]),
});

export const InstanceCounts = Type.Array(
  Type.Object({ instance_of: Type.String(), applications: Type.Integer(), systems: Type.Integer() }),
);

export const ApplicationPage = Type.Object({
  applications: Type.Array(Application),
  counts: InstanceCounts,
  next_cursor: Text,
});

export const FleetApplications = Type.Object({ counts: InstanceCounts });
