// Shapes what operators are told of noise, and what they pin.
import { Type } from "@sinclair/typebox";
import { Nullable, OneOf, Time } from "../../values/schema.ts";

/** As it is stored and answered; the next major version answers `suppress`. */
const Pin = Nullable(OneOf(["fold", "show"]));
const WantedPin = Nullable(OneOf(["suppress", "fold", "show"]));

export const NoisePath = Type.Object({
  path: Type.String({ description: "`[]` is any element, `*` any key that differs by installation." }),
  rate: Type.Number({
    description: "Share of the last seven days on which it changed, in the systems where it changes.",
  }),
  organizations: Type.Integer({ description: "In whose systems it changed within two weeks." }),
  systems: Type.Integer({ description: "In which it changed within two weeks." }),
  learned_by: Type.Integer({ description: "Organizations that suppress it by what their own systems taught." }),
  learned_at: Nullable(Time),
  last_changed_on: Nullable(Type.String({ format: "date" })),
  pin: Pin,
  pinned_at: Nullable(Time),
  state: Type.String({ description: "What holds: pinned, learned or watched." }),
});
export const NoisePaths = Type.Object({ paths: Type.Array(NoisePath) });
export const NoiseQuery = Type.Object({ organization: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) });
export const NewPin = Type.Object(
  { path: Type.String({ minLength: 1, maxLength: 1000 }), pin: WantedPin },
  { additionalProperties: false },
);
