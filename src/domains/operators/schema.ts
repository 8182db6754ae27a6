// Shapes of operator tokens.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";

export const OperatorToken = Type.Object({
  id: Type.String(),
  name: Type.String(),
  created_at: Type.String({ format: "date-time" }),
  last_used_at: Type.Union([Type.String({ format: "date-time" }), Type.Null()]),
});
export type OperatorToken = Static<typeof OperatorToken>;
