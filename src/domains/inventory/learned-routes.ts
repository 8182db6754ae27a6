// The operator's side of learned noise: which places change how often, and pins.
import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import type { BodyReader } from "../../http/body.ts";
import { envelope } from "../../http/envelope.ts";
import { operation } from "../../http/openapi.ts";
import type { Learned } from "./learned.ts";

const Time = Type.Union([Type.String({ format: "date-time" }), Type.Null()]);
const Pin = Type.Union([Type.Literal("fold"), Type.Literal("show"), Type.Null()]);

const NoisePath = Type.Object({
  path: Type.String({ description: "`[]` is any element, `*` any key that differs by installation." }),
  rate: Type.Number({ description: "Share of the compared snapshots that have the place in which it changed." }),
  observed: Type.Integer(),
  changed: Type.Integer(),
  systems: Type.Integer({ description: "Systems in which it changed; counted up to 64." }),
  learned: Type.Boolean(),
  learned_at: Time,
  pin: Pin,
  pinned_at: Time,
  last_changed_at: Time,
  state: Type.String({ description: "What holds: pinned, learned or watched." }),
});
const NoisePaths = Type.Object({ paths: Type.Array(NoisePath) });
const NewPin = Type.Object(
  { path: Type.String({ minLength: 1, maxLength: 1000 }), pin: Pin },
  { additionalProperties: false },
);

export function learnedRoutes(learned: Pick<Learned, "list" | "pin">, body: BodyReader) {
  return new Elysia({ prefix: "/inventory/noise" })
    .get("/", async () => envelope("noise listed", { paths: await learned.list() }), {
      detail: operation({ summary: "How often each place of inventories changes, most often first", data: NoisePaths }),
    })
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
