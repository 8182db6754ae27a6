// The main application: domains' routes under their prefixes, and one place for errors.
import { Elysia } from "elysia";
import type { AnyElysia } from "elysia";
import type { Domain } from "../domain.ts";
import type { Log } from "../log.ts";
import type { clientAddress } from "./credentials.ts";
import { envelope } from "./envelope.ts";
import { openApiDocument, operation } from "./openapi.ts";
import type { DescribedRoute } from "./openapi.ts";
import { problemResponse } from "./problem.ts";

export interface RoutesDeps {
  domains: Domain[];
  /** Throws 401 or 429 unless the request carries an operator's token. */
  authorizeOperator(request: Request, server: Parameters<typeof clientAddress>[0]): Promise<void>;
  log: Log;
  version: string;
}

/** Where appliances look for the API: directly, behind the path their collector had, and where they register. */
const APPLIANCE_PREFIXES = ["/api", "/collect/api", "/backend/api"];

export function buildRoutes({ domains, authorizeOperator, log, version }: RoutesDeps): AnyElysia {
  const app: AnyElysia = new Elysia({ normalize: false, handler: { standardHostname: false } });
  app.onError({ as: "global" }, ({ error, request }) => problemResponse(error, request, log));
  for (const prefix of APPLIANCE_PREFIXES) {
    app.group(prefix, (group) =>
      domains.reduce<AnyElysia>(
        (routes, { applianceRoutes }) => (applianceRoutes ? routes.use(applianceRoutes) : routes),
        group,
      ),
    );
  }
  const admin: AnyElysia = new Elysia({ prefix: "/api/admin" }).onBeforeHandle({ as: "local" }, ({ request, server }) =>
    authorizeOperator(request, server),
  );
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
