// Gives the shapes of the operators' queries and answers about inventories.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";
import { Cursor, FormerName, Limit, ListOf, NextCursor, Nullable, OneOf, Time } from "../../values/schema.ts";
import { SEVERITIES } from "../../values/severity.ts";

const CHANGE_TYPES = ["create", "update", "delete"] as const;

const InventoryRecord = Type.Object({
  id: Type.String(),
  received_at: Time,
  last_seen_at: Time,
  device_time: Type.Union([Time, Type.Null()], { description: "When the device says it made the document." }),
  data_hash: Type.String(),
  data_size: Type.Integer(),
  change_count: Type.Integer(),
  repaired: Type.Integer({ description: "Characters that PostgreSQL cannot keep, stored as U+FFFD." }),
  partial_reasons: Type.Array(Type.String()),
  pinned: Type.Boolean({ description: "Never pruned." }),
});

export const Pin = Type.Object({
  record_id: Type.String(),
  pinned: Type.Boolean(),
  pinned_at: Nullable(Time),
});

export const Latest = Type.Object({ record: InventoryRecord, inventory: Type.Unknown() });

export const HistoryQuery = Type.Object({ limit: Limit, cursor: Cursor });
export const History = Type.Object({ records: Type.Array(InventoryRecord), next_cursor: NextCursor });

export const ChangesQuery = Type.Object({
  severity: ListOf(SEVERITIES),
  category: Type.Optional(Type.String({ pattern: "^[a-z_]+(,[a-z_]+)*$", description: "One or more categories." })),
  change_type: ListOf(CHANGE_TYPES),
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  significant: Type.Optional(Type.Boolean()),
  limit: Limit,
  cursor: Cursor,
});
export type ChangesQuery = Static<typeof ChangesQuery>;

const Index = Nullable(Type.Integer());
const ElementStep = Type.Object({
  level: Type.Integer({ description: "Which segment of the pointer is its index; 0 is the first." }),
  identity: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()], {
    description: "Members that this element alone has in the previous array; null: found by its whole value, or new.",
  }),
  previous_index: Index,
  index: Index,
});

const Suppressed = Type.Union(
  [...["rule", "partial", "learned", "pinned"].map((one) => Type.Literal(one)), Type.Null()],
  { description: "Why it is not significant; null when it is." },
);

export const Change = Type.Object({
  id: Type.String(),
  record_id: Type.String(),
  previous_record_id: Type.String(),
  pointer: Type.String({ description: "JSON Pointer in the raw document." }),
  field_path: Type.String({ description: "The same place, for people." }),
  elements: Type.Array(ElementStep, { description: "The elements of arrays on the way, outermost first." }),
  change_type: OneOf(CHANGE_TYPES),
  category: Type.String(),
  severity: OneOf(SEVERITIES),
  significant: Type.Boolean(),
  suppressed: Suppressed,
  folded: FormerName(Suppressed, "suppressed"),
  noise_path: Type.Union([Type.String(), Type.Null()], { description: "The place over the whole fleet, for pins." }),
  rate: Type.Union([Type.Number(), Type.Null()], {
    description: "Share of the days on which it changes in the system's organization; null where that was not learned.",
  }),
  value_bytes: Type.Integer({ description: "Of both values as JSON." }),
  truncated: Type.Boolean({
    description:
      "The values are too large for a list: strings of how their JSON begins. Asked for alone, the change has them whole.",
  }),
  previous_value: Type.Unknown(),
  current_value: Type.Unknown(),
  detected_at: Time,
});
export const Changes = Type.Object({ changes: Type.Array(Change), next_cursor: NextCursor });

export const TimelineQuery = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 366, default: 20 }),
  cursor: Cursor,
});
const Tally = { critical: Type.Integer(), high: Type.Integer(), medium: Type.Integer(), low: Type.Integer() };
export const Timeline = Type.Object({
  summary: Type.Object({ total: Type.Integer(), ...Tally }),
  groups: Type.Array(
    Type.Object({ date: Type.String(), inventory_count: Type.Integer(), change_count: Type.Integer(), ...Tally }),
  ),
  next_cursor: NextCursor,
});

const RecordId = Type.String({ pattern: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" });
export const CompareQuery = Type.Object({ from: RecordId, to: RecordId });
export const Comparison = Type.Object({
  from: InventoryRecord,
  to: InventoryRecord,
  changes: Type.Array(Type.Omit(Change, ["id", "record_id", "previous_record_id", "detected_at"])),
});
