// Describes the answers and queries of the operators' list of alerts on inventory.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";
import { Cursor, Limit, ListOf, NextCursor, Nullable, OneOf, Time } from "../../values/schema.ts";
import { SEVERITIES, SeveritySchema } from "../../values/severity.ts";
import { KINDS, RESOLUTIONS } from "./kinds.ts";

export const AlertsQuery = Type.Object({
  severity: ListOf(SEVERITIES),
  type: ListOf(KINDS),
  system: Type.Optional(Type.String({ maxLength: 255, description: "Key or id of one system." })),
  open: Type.Optional(Type.Boolean({ description: "Only open, or only resolved ones." })),
  limit: Limit,
  cursor: Cursor,
});
export type AlertsQuery = Static<typeof AlertsQuery>;

export const InventoryAlert = Type.Object({
  id: Type.String(),
  system_id: Type.String(),
  system_key: Type.String(),
  system_name: Type.String(),
  alert_type: OneOf(KINDS),
  cause: Type.String({ description: "What it is about; at most one alert of a type is open for a cause of a system." }),
  severity: SeveritySchema,
  message: Type.String(),
  created_at: Time,
  seen_at: Nullable(Time),
  is_resolved: Type.Boolean(),
  resolved_at: Nullable(Time),
  resolution: Type.Union([...RESOLUTIONS.map((one) => Type.Literal(one)), Type.Null()], {
    description: "accepted: by an operator, while the cause lasts.",
  }),
});
export const InventoryAlerts = Type.Object({
  alerts: Type.Array(InventoryAlert),
  next_cursor: NextCursor,
});
