// Names the severities, from the least urgent to the most urgent, and gives their schema.
import { Type } from "@sinclair/typebox";

export const SEVERITIES = ["low", "medium", "high", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

export const SeveritySchema = Type.Unsafe<Severity>(
  Type.Union(
    SEVERITIES.map((name) => Type.Literal(name)),
    { description: `one of ${SEVERITIES.join(", ")}` },
  ),
);
