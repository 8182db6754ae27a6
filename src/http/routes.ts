// Mounts the routes of domains under their prefixes, lets operators in where only they may go, and answers every error in one place.
import { Elysia } from "elysia";
import type { AnyElysia } from "elysia";
import type { BodyReader } from "./edge/body.ts";
import { clientAddress } from "./edge/credentials.ts";
import { envelope } from "./edge/envelope.ts";
import { openApiDocument, operation } from "./edge/openapi.ts";
import type { DescribedRoute, DocumentOptions } from "./edge/openapi.ts";
import { refuseRepeated } from "./edge/query.ts";
import { refuseUnreadable } from "./edge/route.ts";
import type { RouteServer } from "./edge/route.ts";
import type { Problems } from "./problem.ts";
import type { Trail } from "./trail.ts";
import type { Actor } from "../values/actor.ts";

interface RoutesDeps {
  /** Routes that say themselves who may call, under each of the prefixes. */
  open: { prefixes: readonly string[]; routes: readonly AnyElysia[] };
  /** Routes for operators alone. */
  operators: {
    prefix: string;
    routes: readonly AnyElysia[];
    /** Who acts; throws 401 or 429 unless the request carries what an operator has. */
    authorize(request: Request, server: RouteServer): Promise<Actor>;
    /** Follows what they change, or try to. */
    trail: Trail;
  };
  reader: BodyReader;
  problems: Problems;
  document: DocumentOptions;
}

export function buildRoutes({ open, operators, reader, problems, document }: RoutesDeps): AnyElysia {
  const { authorize, trail } = operators;
  // Without standardHostname a host of one to three characters, such as `Host: gw`, would be taken for a part of the path.
  const app: AnyElysia = new Elysia({ normalize: false, handler: { standardHostname: false } });
  app.decorate({ reader });
  app.onError({ as: "global" }, ({ error, request, server }) => {
    trail.end(request, error);
    return problems(error, request, server);
  });
  for (const prefix of open.prefixes)
    app.group(prefix, (group) => open.routes.reduce<AnyElysia>((routes, one) => routes.use(one), group));
  const guarded: AnyElysia = new Elysia({ prefix: operators.prefix })
    .resolve({ as: "local" }, async ({ request, server, params = {}, route, set }) => {
      const actor = await authorize(request, server);
      trail.begin({ request, actor, address: clientAddress(server, request), route, params });
      refuseUnreadable(params);
      refuseRepeated(request.url);
      // Answers hold what only operators may see; no proxy shall keep them.
      set.headers["cache-control"] = "no-store";
      return { actor };
    })
    .onAfterHandle({ as: "local" }, ({ request, response }) => trail.end(request, response));
  for (const one of operators.routes) guarded.use(one);
  app.use(guarded);
  const { version } = document.info;
  app.get("/api/health", () => envelope("service healthy", { version }), {
    detail: operation({ summary: "Alive", auth: "none" }),
  });
  let text: string | undefined;
  app.get("/api/openapi.json", () => {
    text ??= JSON.stringify(openApiDocument(app.routes as unknown as DescribedRoute[], document));
    return new Response(text, { headers: { "content-type": "application/json" } });
  });
  return app;
}
