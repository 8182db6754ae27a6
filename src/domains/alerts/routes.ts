// Serves Alertmanager's API to appliances, and the webhook with which Alertmanager reports resolved alerts.
import { Elysia } from "elysia";
import { Type } from "@sinclair/typebox";
import { route } from "../../http/edge/route.ts";
import type { Asked } from "../../http/edge/route.ts";
import { JsonFault, parseJson } from "../../values/json/parse.ts";
import type { Authenticate } from "../systems/index.ts";
import { malformed } from "./malformed.ts";
import type { Proxy } from "./proxy.ts";
import type { Caller } from "./labels/scope.ts";

interface RoutesDeps {
  authenticate: Authenticate;
  /** A Failure 503 while there is no Alertmanager. */
  proxy(): Proxy;
  /** Rejects with a 429 for a system that posts too often, with a 503 while too much waits. */
  admit(systemId: string): Promise<void>;
  /** Rejects with a 429 for a system that changes silences too often. */
  admitSilence(systemId: string): Promise<void>;
  maxBytes: number;
  authorizeWebhook(header: string | null): void;
  storeHistory(body: Uint8Array): Promise<void>;
}

/** Where appliances look for Alertmanager. */
export const ALERTMANAGER_PATH = "/services/mimir/alertmanager/api/v2/";
const MAX_SILENCE_BYTES = 64 * 1024;
const data = Type.Unknown({ description: "As Alertmanager's API v2 answers; errors are JSON strings." });

export function applianceRoutes(deps: RoutesDeps) {
  const { authenticate, proxy, admit, admitSilence, maxBytes } = deps;
  const app = new Elysia();
  const at = <Path extends string>(path: Path) => `${ALERTMANAGER_PATH}${path}` as const;
  const described = (summary: string, admission?: (systemId: string) => Promise<void>) => ({
    summary,
    auth: "system",
    data,
    isForeign: true,
    /** Credentials are checked before anything is answered, even that there is no Alertmanager. */
    async caller({ request, server }: Asked<string>): Promise<Caller & { behind: Proxy }> {
      const system = await authenticate(request, server);
      const behind = proxy();
      await admission?.(system.id);
      return { system, signal: request.signal, behind };
    },
    sender: ({ system }: Caller) => ({ verified: system.id }),
  });

  route(
    app,
    "GET",
    at("status"),
    described("Alertmanager's version; nothing of its configuration"),
    async ({ caller }) => Response.json(await caller.behind.status(caller)),
  );
  route(app, "GET", at("alerts"), described("The system's own alerts"), async ({ request, caller }) =>
    Response.json(await caller.behind.listAlerts(caller, queryOf(request))),
  );
  route(
    app,
    "POST",
    at("alerts"),
    {
      ...described("Posts alerts; they are stored, and delivered with the system's labels", admit),
      body: { maxBytes },
    },
    async ({ request, server, caller, body }) => {
      // A body may arrive slowly: a system that was suspended meanwhile is refused.
      await authenticate(request, server);
      await caller.behind.postAlerts(caller, body);
      return empty();
    },
  );
  route(app, "GET", at("silences"), described("The system's own silences"), async ({ request, caller }) =>
    Response.json(await caller.behind.listSilences(caller, queryOf(request))),
  );
  route(
    app,
    "POST",
    at("silences"),
    {
      ...described("Creates or changes a silence of the system's own alerts", admitSilence),
      body: { maxBytes: MAX_SILENCE_BYTES },
    },
    async ({ request, server, caller, body }) => {
      const given = readJson(body);
      await authenticate(request, server);
      return Response.json(await caller.behind.postSilence(caller, given));
    },
  );
  // Clients use both spellings.
  for (const [path, show, end] of [
    [at("silence/:id"), "One silence of the system", "Ends a silence of the system"],
    [at("silences/:id"), "The same", "The same"],
  ] as const) {
    route(app, "GET", path, described(show), async ({ params, caller }) =>
      Response.json(await caller.behind.showSilence(caller, params.id)),
    );
    route(app, "DELETE", path, described(end, admitSilence), async ({ params, caller }) => {
      await caller.behind.deleteSilence(caller, params.id);
      return empty();
    });
  }
  route(
    app,
    "POST",
    "/alert_history",
    {
      summary: "Alertmanager's webhook, with ALERTING_HISTORY_WEBHOOK_SECRET as Bearer token",
      auth: "none",
      caller: ({ request }) => deps.authorizeWebhook(request.headers.get("authorization")),
      sender: () => ({ verified: "webhook" }),
      body: { maxBytes },
      status: 204,
    },
    async ({ body }) => {
      await deps.storeHistory(body);
      return new Response(null, { status: 204 });
    },
  );
  return app;
}

const empty = () => new Response(null, { status: 200 });

function queryOf({ url }: Request): URLSearchParams {
  const start = url.indexOf("?");
  return new URLSearchParams(start === -1 ? "" : url.slice(start + 1));
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes);
  } catch (error) {
    throw error instanceof JsonFault ? malformed(`not JSON: ${error.message}`) : error;
  }
}
