// Answers operators on learned noise: which places change how often, and pins.
import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import type { BodyReader } from "../../http/edge/body.ts";
import { envelope } from "../../http/edge/envelope.ts";
import { operation } from "../../http/edge/openapi.ts";
import { readQuery } from "../../http/edge/query.ts";
import type { Learned } from "./learned.ts";

const Time = Type.Union([Type.String({ format: "date-time" }), Type.Null()]);
const Pin = Type.Union([Type.Literal("fold"), Type.Literal("show"), Type.Null()]);

const NoisePath = Type.Object({
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
const NoisePaths = Type.Object({ paths: Type.Array(NoisePath) });
const NoiseQuery = Type.Object({ organization: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) });
const NewPin = Type.Object(
  { path: Type.String({ minLength: 1, maxLength: 1000 }), pin: Pin },
  { additionalProperties: false },
);

export function noiseRoutes(learned: Pick<Learned, "list" | "pin">, body: BodyReader) {
  return new Elysia({ prefix: "/inventory/noise" })
    .get(
      "/",
      async ({ query }) => {
        const { organization } = readQuery(NoiseQuery, query);
        return envelope("noise listed", { paths: await learned.list(organization) });
      },
      {
        detail: operation({
          summary: "How often each place of inventories changes, most often first",
          query: NoiseQuery,
          data: NoisePaths,
        }),
      },
    )
    .post(
      "/",
      async ({ request }) => {
        const { path, pin } = await body.json(request, NewPin);
        return envelope(pin ? `pinned: ${pin}` : "pin removed", await learned.pin(path, pin));
      },
      {
        parse: "none",
        detail: operation({
          summary: 'Fold a place\'s changes ("fold"), show them whatever was learned ("show"), or neither (null)',
          body: NewPin,
          data: NoisePath,
        }),
      },
    );
}
