// Tells the HTTP layer what it does not know of the API: prefixes, who may call, what a change is called.
import type { AnyElysia } from "elysia";
import type { Domain } from "../domain.ts";
import type { Operators } from "../domains/operators/index.ts";
import type { BodyReader } from "../http/edge/body.ts";
import type { DocumentOptions } from "../http/edge/openapi.ts";
import type { Problems } from "../http/problem.ts";
import { buildRoutes } from "../http/routes.ts";
import { openTrail } from "../http/trail.ts";
import { nameOf } from "./observe/change-log.ts";
import type { ChangeLog } from "./observe/change-log.ts";

interface ApiDeps {
  domains: readonly Domain[];
  operators: Pick<Operators, "authorize">;
  changeLog: Pick<ChangeLog, "write">;
  reader: BodyReader;
  problems: Problems;
  version: string;
}

/** Where appliances look for the API: directly, behind the path their collector had, and where they register. */
const APPLIANCE_PREFIXES = ["/api", "/collect/api", "/backend/api"];
const ADMIN_PREFIX = "/api/admin";

const SECURITY_SCHEMES: DocumentOptions["securitySchemes"] = {
  system: { type: "http", scheme: "basic", description: "system_key and system_secret" },
  operator: { type: "http", scheme: "bearer", description: "made by `muster tokens add`" },
};

export function openApi({ domains, operators, changeLog, reader, problems, version }: ApiDeps): AnyElysia {
  return buildRoutes({
    open: { prefixes: APPLIANCE_PREFIXES, routes: domains.flatMap((one) => one.applianceRoutes ?? []) },
    operators: {
      prefix: ADMIN_PREFIX,
      routes: domains.flatMap((one) => one.adminRoutes ?? []),
      authorize: operators.authorize,
      trail: openTrail(changeLog.write, nameOf),
    },
    reader,
    problems,
    document: {
      info: { title: "Muster", version, description: "Appliance gateway." },
      securitySchemes: SECURITY_SCHEMES,
      defaultScheme: "operator",
    },
  });
}
