// The main application: domains' routes under their prefixes, and one place for errors.
import { Elysia } from "elysia";
import type { AnyElysia } from "elysia";
import type { Domain } from "../domain.ts";
import { clientAddress } from "./edge/credentials.ts";
import { envelope } from "./edge/envelope.ts";
import { openApiDocument, operation } from "./edge/openapi.ts";
import type { DescribedRoute } from "./edge/openapi.ts";
import { refuseRepeated } from "./edge/query.ts";
import type { Problems } from "./problem.ts";
import { openTrail } from "./trail.ts";
import type { Change } from "./trail.ts";
import { Failure } from "../errors.ts";

export interface RoutesDeps {
  domains: Domain[];
  /** Throws 401 or 429 unless the request carries an operator's token. */
  authorizeOperator(request: Request, server: Parameters<typeof clientAddress>[0]): Promise<{ name: string }>;
  /** An operator has changed something, or tried to. */
  changed(change: Change): void;
  problems: Problems;
  version: string;
}

/** Where appliances look for the API: directly, behind the path their collector had, and where they register. */
const APPLIANCE_PREFIXES = ["/api", "/collect/api", "/backend/api"];

export function buildRoutes({ domains, authorizeOperator, changed, problems, version }: RoutesDeps): AnyElysia {
  const trail = openTrail(changed);
  // Without standardHostname a host of one to three characters, such as `Host: gw`, would be taken for a part of the path.
  const app: AnyElysia = new Elysia({ normalize: false, handler: { standardHostname: false } });
  app.onError({ as: "global" }, ({ error, request, server }) => {
    trail.end(request, error);
    return problems(error, request, server);
  });
  for (const prefix of APPLIANCE_PREFIXES) {
    app.group(prefix, (group) =>
      domains.reduce<AnyElysia>(
        (routes, { applianceRoutes }) => (applianceRoutes ? routes.use(applianceRoutes) : routes),
        group,
      ),
    );
  }
  const admin: AnyElysia = new Elysia({ prefix: "/api/admin" })
    .onBeforeHandle({ as: "local" }, async ({ request, server, params = {}, route, set }) => {
      const operator = await authorizeOperator(request, server);
      trail.begin({ request, operator, address: clientAddress(server, request), route, params });
      refuseUnreadable(params);
      refuseRepeated(request.url);
      // Answers hold what only operators may see; no proxy shall keep them.
      set.headers["cache-control"] = "no-store";
    })
    .onAfterHandle({ as: "local" }, ({ request, response }) => trail.end(request, response));
  for (const { adminRoutes } of domains) if (adminRoutes) admin.use(adminRoutes);
  app.use(admin);
  app.get("/api/health", () => envelope("service healthy", { version }), {
    detail: operation({ summary: "Alive", auth: "none" }),
  });
  let document: string | undefined;
  app.get("/api/openapi.json", () => {
    document ??= JSON.stringify(openApiDocument(app.routes as unknown as DescribedRoute[], version));
    return new Response(document, { headers: { "content-type": "application/json" } });
  });
  return app;
}

/** A percent-encoded parameter that is not UTF-8 arrives as null; one with U+0000 would be refused by the database. */
function refuseUnreadable(params: Record<string, string | null> = {}): void {
  if (Object.values(params).every((value) => value !== null && !value.includes("\0"))) return;
  throw new Failure("http.malformed", 400, "malformed request: a part of the path is not text");
}
