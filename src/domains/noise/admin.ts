// Answers operators on learned noise: which places change how often, and pins.
import { Elysia } from "elysia";
import { route } from "../../http/edge/route.ts";
import type { NoiseApi } from "./api.ts";
import { NewPin, NoisePath, NoisePaths, NoiseQuery } from "./schema.ts";

export function adminRoutes(api: NoiseApi) {
  const app = new Elysia({ prefix: "/inventory/noise" });
  route(
    app,
    "GET",
    "/",
    {
      summary: "How often each place of inventories changes, most often first",
      query: NoiseQuery,
      data: NoisePaths,
      says: "noise listed",
    },
    async ({ actor, query: { organization } }) => ({ paths: await api.list(actor, organization) }),
  );
  route(
    app,
    "POST",
    "/",
    {
      summary:
        'Suppress a place\'s changes ("suppress", formerly "fold"), show them whatever was learned ("show"), or neither (null)',
      body: NewPin,
      data: NoisePath,
      says: ({ body: { pin } }) => (pin ? `pinned: ${pin}` : "pin removed"),
    },
    ({ actor, body: { path, pin } }) => api.pin(actor, path, pin === "suppress" ? "fold" : pin),
  );
  return app;
}
