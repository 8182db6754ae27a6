// Names the queues of alerts, and declares their shapes on the wire.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";
import { Nullable, Time } from "../../values/schema.ts";

/** Posted alerts on their way into the outbox. */
export const ACCEPT_QUEUE = "collect:alerts";
/** From the outbox to Alertmanager, one job a tenant. */
export const DELIVERY_QUEUE = "muster:alert-delivery";
/** From the outbox to Alertmanager, one job a system that Alertmanager refused an alert of. */
export const SUSPECT_QUEUE = "muster:alert-suspects";
/** Every minute: starts a job for alerts in the outbox that have none. */
export const NET_QUEUE = "muster:alert-net";
export const TOTALS_QUEUE = "muster:alert-totals";
export const PRUNE_QUEUE = "muster:alert-prune";

const Text = Type.Optional(Type.String({ maxLength: 255 }));
const Labels = Type.Record(Type.String(), Type.String());

export const ActiveQuery = Type.Object({
  system: Text,
  organization: Text,
  alertname: Text,
  severity: Text,
  limit: Type.Integer({ minimum: 1, maximum: 1000, default: 200 }),
});
export type ActiveQuery = Static<typeof ActiveQuery>;

export const ActiveAlerts = Type.Object({
  alerts: Type.Array(Type.Unknown({ description: "As Alertmanager lists them." })),
  /** More alerts are active than the limit. */
  more: Type.Boolean(),
});

export const HistoryQuery = Type.Object({
  system: Text,
  organization: Text,
  alertname: Text,
  severity: Text,
  from: Type.Optional(Time),
  to: Type.Optional(Time),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  cursor: Type.Optional(Type.String({ maxLength: 4096 })),
});
export type HistoryQuery = Static<typeof HistoryQuery>;

export const PastAlert = Type.Object({
  id: Type.String({ format: "uuid" }),
  system_key: Nullable(Type.String()),
  organization_id: Type.String(),
  alertname: Type.String(),
  severity: Nullable(Type.String()),
  status: Type.String(),
  fingerprint: Type.String(),
  starts_at: Time,
  ends_at: Nullable(Time),
  summary: Nullable(Type.String()),
  labels: Labels,
  annotations: Labels,
  receiver: Nullable(Type.String()),
  created_at: Time,
});
export type PastAlert = Static<typeof PastAlert>;
export const HistoryPage = Type.Object({ alerts: Type.Array(PastAlert), next_cursor: Nullable(Type.String()) });

export const RefusedQuery = Type.Object({
  system: Text,
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  cursor: Type.Optional(Type.String({ maxLength: 4096 })),
});
export type RefusedQuery = Static<typeof RefusedQuery>;
export const RefusedAlert = Type.Object({
  system_key: Nullable(Type.String()),
  alertname: Nullable(Type.String()),
  reason: Type.String({ description: "Alertmanager's own message." }),
  received_at: Time,
});
export type RefusedAlert = Static<typeof RefusedAlert>;
export const RefusedPage = Type.Object({ alerts: Type.Array(RefusedAlert), next_cursor: Nullable(Type.String()) });

export const Totals = Type.Object({
  organization_id: Type.String(),
  active: Type.Integer(),
  critical: Type.Integer(),
  warning: Type.Integer(),
  info: Type.Integer(),
  muted: Type.Integer(),
  updated_at: Time,
  /** The counts were not refreshed for more than 150 s. */
  stale: Type.Boolean(),
});
export type Totals = Static<typeof Totals>;
export const TotalsQuery = Type.Object({
  organization: Text,
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  cursor: Type.Optional(Type.String({ maxLength: 4096 })),
});
export type TotalsQuery = Static<typeof TotalsQuery>;
export const TotalsPage = Type.Object({ totals: Type.Array(Totals), next_cursor: Nullable(Type.String()) });
