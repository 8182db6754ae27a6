// Describes systems on the wire; the types of the code are read off these shapes.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";
import { Nullable, OneOf, Time } from "../../values/schema.ts";

const STATUSES = ["unknown", "active", "inactive"] as const;

/** What lists and details show of a system. Never a secret. */
export const System = Type.Object({
  system_id: Type.String({ format: "uuid" }),
  system_key: Type.String(),
  name: Type.String(),
  type: Nullable(Type.String()),
  fqdn: Nullable(Type.String()),
  version: Nullable(Type.String()),
  ipv4_address: Nullable(Type.String()),
  ipv6_address: Nullable(Type.String()),
  status: OneOf(STATUSES),
  last_heartbeat: Nullable(Time),
  last_inventory_at: Nullable(Time),
  created_at: Time,
  registered_at: Nullable(Time),
  suspended_at: Nullable(Time),
  organization_id: Type.String(),
});
export type System = Static<typeof System>;

/** 100 is the best; null for a system that was never heard. Points are what each reason takes off. */
export const Health = Type.Object({
  score: Type.Union([Type.Integer({ minimum: 0, maximum: 100 }), Type.Null()]),
  reasons: Type.Array(Type.Object({ code: Type.String(), points: Type.Integer(), sentence: Type.String() })),
});
export type Health = Static<typeof Health>;

export const SystemDetail = Type.Composite([System, Type.Object({ health: Health })]);
export type SystemDetail = Static<typeof SystemDetail>;

export const NewSystem = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 255 }),
    organization_id: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    registered: Type.Optional(
      Type.Boolean({ description: "It need not register: its installer gives it key and secret." }),
    ),
  },
  { additionalProperties: false },
);
export type NewSystem = Static<typeof NewSystem>;

export const CreatedSystem = Type.Object({
  system_id: Type.String(),
  system_key: Type.String(),
  system_secret: Type.String({ description: "Shown here and never again." }),
  name: Type.String(),
  organization_id: Type.String(),
});
export type CreatedSystem = Static<typeof CreatedSystem>;

export const ListQuery = Type.Object({
  search: Type.Optional(
    Type.String({ maxLength: 255, description: "Part of name, key, FQDN, version or IPv4 address." }),
  ),
  status: Type.Optional(OneOf([...STATUSES, "suspended"])),
  organization: Type.Optional(Type.String({ maxLength: 255 })),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  cursor: Type.Optional(Type.String({ maxLength: 4096 })),
});
export type ListQuery = Static<typeof ListQuery>;

export const SystemPage = Type.Object({ systems: Type.Array(SystemDetail), next_cursor: Nullable(Type.String()) });

export const Registration = Type.Object({ system_secret: Type.String({ maxLength: 1024, writeOnly: true }) });

/** How long an old secret stays valid after a rotation; 0 ends it at once. */
export const Rotation = Type.Object(
  { overlap_seconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 90 * 24 * 3600 })) },
  { additionalProperties: false },
);

export const RotatedSecret = Type.Object({
  system_id: Type.String(),
  system_key: Type.String(),
  system_secret: Type.String(),
  old_secret_expires_at: Nullable(Time),
});
export type RotatedSecret = Static<typeof RotatedSecret>;

/** An old secret that still opens: whoever used it last has not been given the new one. */
export const OldSecret = Type.Object({
  system_id: Type.String(),
  system_key: Type.String(),
  name: Type.String(),
  secret_public: Type.String(),
  expires_at: Time,
  last_used_at: Nullable(Time),
});
export type OldSecret = Static<typeof OldSecret>;
export const OldSecrets = Type.Object({ secrets: Type.Array(OldSecret) });
