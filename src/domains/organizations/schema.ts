// Describes organizations on the wire.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";
import { Nullable, OneOf, Time } from "../../values/schema.ts";

const TYPES = ["owner", "distributor", "reseller", "customer"] as const;
const OrganizationType = OneOf(TYPES);
/** What Grafana Mimir takes for a tenant. */
const Tenant = Type.String({ pattern: "^[A-Za-z0-9!_.*'()-]{1,150}$" });
const Name = Type.String({ minLength: 1, maxLength: 255 });
const Vat = Type.String({ maxLength: 64 });

export const Organization = Type.Object({
  id: Type.String(),
  name: Type.String(),
  type: OrganizationType,
  /** Whose alerts it shares; null: its own. */
  tenant: Type.Union([Type.String(), Type.Null()]),
  vat: Type.String(),
  systems: Type.Integer(),
  created_at: Nullable(Time),
  suspended_at: Nullable(Time),
});
export type Organization = Static<typeof Organization>;

export const NewOrganization = Type.Object(
  {
    id: Type.String({ minLength: 1, maxLength: 255 }),
    name: Name,
    type: Type.Optional(OrganizationType),
    tenant: Type.Optional(Tenant),
    vat: Type.Optional(Vat),
  },
  { additionalProperties: false },
);
export type NewOrganization = Static<typeof NewOrganization>;

/** What is left out stays. */
export const ChangedOrganization = Type.Object(
  {
    name: Type.Optional(Name),
    type: Type.Optional(OrganizationType),
    tenant: Type.Optional(Tenant),
    vat: Type.Optional(Vat),
  },
  { additionalProperties: false },
);
export type ChangedOrganization = Static<typeof ChangedOrganization>;

export const ListQuery = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
  cursor: Type.Optional(Type.String({ maxLength: 4096 })),
});
export type ListQuery = Static<typeof ListQuery>;

export const OrganizationPage = Type.Object({
  organizations: Type.Array(Organization),
  next_cursor: Type.Union([Type.String(), Type.Null()]),
});
