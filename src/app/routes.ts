// Tells the HTTP layer what it does not know of the API: prefixes, who may call, what a change is called.
import type { AnyElysia } from "elysia";
import type { Registry } from "prom-client";
import type { Domain } from "../domain.ts";
import type { Operators } from "../domains/operators/index.ts";
import { openBodyReader } from "../http/edge/body.ts";
import type { DocumentOptions } from "../http/edge/openapi.ts";
import { openMeasure } from "../http/listen/measure.ts";
import type { Measured } from "../http/listen/measure.ts";
import { openProblems } from "../http/problem.ts";
import { buildRoutes } from "../http/routes.ts";
import { openTrail } from "../http/trail.ts";
import type { Log } from "../log.ts";
import type { Clock } from "../ports/clock.ts";
import { nameOf } from "./observe/change-log.ts";
import type { ChangeLog } from "./observe/change-log.ts";

interface ApiDeps {
  clock: Clock;
  log: Log;
  /** Of this process. */
  registry: Registry;
  domains: readonly Domain[];
  operators: Pick<Operators, "authorize">;
  changeLog: Pick<ChangeLog, "write">;
  /** Of an inventory or a post of alerts. */
  maxBodyBytes: number;
  version: string;
}

/** Where appliances look for the API: directly, behind the path their collector had, and where they register. */
const APPLIANCE_PREFIXES = ["/api", "/collect/api", "/backend/api"];
const ADMIN_PREFIX = "/api/admin";
/** Of unfinished bodies of one sender: its largest one, and the next before the first was answered. */
const SENDER_BYTES = 32 * 1024 ** 2;

const SECURITY_SCHEMES: DocumentOptions["securitySchemes"] = {
  system: { type: "http", scheme: "basic", description: "system_key and system_secret" },
  operator: { type: "http", scheme: "bearer", description: "made by `muster tokens add`" },
};

export function openApi(deps: ApiDeps): { routes: AnyElysia; measure: Measured } {
  const { clock, log, registry, domains, operators, changeLog, maxBodyBytes, version } = deps;
  const foreign = domains.flatMap((one) => one.foreignPath ?? []);
  const routes = buildRoutes({
    open: { prefixes: APPLIANCE_PREFIXES, routes: domains.flatMap((one) => one.applianceRoutes ?? []) },
    operators: {
      prefix: ADMIN_PREFIX,
      routes: domains.flatMap((one) => one.adminRoutes ?? []),
      authorize: operators.authorize,
      trail: openTrail(changeLog.write, nameOf),
    },
    reader: openBodyReader({ clock, senderBytes: Math.max(SENDER_BYTES, 2 * maxBodyBytes) }),
    problems: openProblems({ clock, log, registry, isForeign: (path) => foreign.some((part) => path.includes(part)) }),
    document: {
      info: { title: "Muster", version, description: "Appliance gateway." },
      securitySchemes: SECURITY_SCHEMES,
      defaultScheme: "operator",
    },
  });
  const paths = routes.routes.map((route) => route.path).filter((path) => !path.includes(":"));
  return { routes, measure: openMeasure(registry, { paths, prefixes: [ADMIN_PREFIX] }) };
}
