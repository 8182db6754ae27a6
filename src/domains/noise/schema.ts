// Shapes what operators are told of noise, and what they pin.
import { Type } from "@sinclair/typebox";

const Time = Type.Union([Type.String({ format: "date-time" }), Type.Null()]);
const Pin = Type.Union([Type.Literal("fold"), Type.Literal("show"), Type.Null()]);

export const NoisePath = Type.Object({
  path: Type.String({ description: "`[]` is any element, `*` any key that differs by installation." }),
  rate: Type.Number({
    description: "Share of the last seven days on which it changed, in the systems where it changes.",
  }),
  organizations: Type.Integer({ description: "In whose systems it changed within two weeks." }),
  systems: Type.Integer({ description: "In which it changed within two weeks." }),
  learned_by: Type.Integer({ description: "Organizations that fold it by what their own systems taught." }),
  learned_at: Time,
  last_changed_on: Type.Union([Type.String({ format: "date" }), Type.Null()]),
  pin: Pin,
  pinned_at: Time,
  state: Type.String({ description: "What holds: pinned, learned or watched." }),
});
export const NoisePaths = Type.Object({ paths: Type.Array(NoisePath) });
export const NoiseQuery = Type.Object({ organization: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) });
export const NewPin = Type.Object(
  { path: Type.String({ minLength: 1, maxLength: 1000 }), pin: Pin },
  { additionalProperties: false },
);
