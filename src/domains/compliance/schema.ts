// Describes the alert sections of INVENTORY_RULES_FILE and names the queues of the review.
import { Type } from "@sinclair/typebox";
import type { Static } from "@sinclair/typebox";
import { SeveritySchema } from "../../values/severity.ts";

export const REVIEW_QUEUE = "muster:alert-review";
export const SWEEP_QUEUE = "muster:alert-sweep";

/** As the minimum of a requirement: the version that most systems of a type have. */
export const MOST_COMMON = "most_common";

const strict = { additionalProperties: false };
const Product = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: "^([a-z0-9_.-]+|(module|distro)/[^\\u0000]+)$",
  description: "a product such as nsec, ns8, module/webtop, distro/debian or kernel",
});
const VersionText = Type.String({ description: "a version such as 8.6.0 or 8.6.0-rc.1" });
const Flag = Type.Boolean({ description: "true or false" });
const Days = Type.Integer({ minimum: 1, maximum: 3650, description: "a whole number of days from 1 to 3650" });
const Text = (maxLength: number) =>
  Type.String({
    minLength: 1,
    maxLength,
    pattern: "^[^\\u0000]*$",
    description: `a text of 1 to ${maxLength} characters`,
  });

export const Advisory = Type.Object(
  {
    id: Text(100),
    product: Product,
    severity: SeveritySchema,
    summary: Type.Optional(Text(1000)),
    affected: Type.Array(
      Type.Object(
        {
          introduced: Type.Optional(VersionText),
          fixed: Type.Optional(VersionText),
          last_affected: Type.Optional(VersionText),
        },
        strict,
      ),
      { minItems: 1, description: "a list of one range or more" },
    ),
  },
  { ...strict, description: "an advisory with id, product, severity and affected" },
);
export type Advisory = Static<typeof Advisory>;

export const Requirement = Type.Object(
  { product: Product, minimum: VersionText, severity: Type.Optional(SeveritySchema) },
  { ...strict, description: "an object with product and minimum" },
);
export type Requirement = Static<typeof Requirement>;

/** The sections that this domain reads. */
export const alertSections = {
  versions: Type.Array(Requirement),
  advisories: Type.Array(Advisory, { description: "a list of advisories, or the name of a file with one" }),
  new_system: Type.Object(
    { enabled: Flag, severity: Type.Optional(SeveritySchema), resolve_after_days: Type.Optional(Days) },
    strict,
  ),
};
export type AlertSections = { [Name in keyof typeof alertSections]?: Static<(typeof alertSections)[Name]> };
