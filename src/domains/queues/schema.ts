// Describes what operators ask of queues.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";

const STATES = ["pending", "delayed", "active", "dead"] as const;

export const ListQuery = Type.Object({
  state: Type.Union(
    STATES.map((state) => Type.Literal(state)),
    { default: "dead" },
  ),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
});
export type ListQuery = Static<typeof ListQuery>;

/** Dead jobs; all of the queue when `ids` is left out. */
export const Selection = Type.Object({
  ids: Type.Optional(Type.Array(Type.String({ pattern: "^[\\w-]{1,64}$" }), { maxItems: 1000 })),
});
