// Serves Alertmanager's API to appliances, and the webhook with which Alertmanager reports resolved alerts.
import { Elysia } from "elysia";
import { Type } from "@sinclair/typebox";
import type { BodyReader } from "../../http/edge/body.ts";
import type { clientAddress } from "../../http/edge/credentials.ts";
import { operation } from "../../http/edge/openapi.ts";
import { JsonFault, parseJson } from "../../values/json/parse.ts";
import type { Authenticate } from "../systems/index.ts";
import { malformed } from "./malformed.ts";
import type { Proxy } from "./proxy.ts";
import type { Caller } from "./labels/scope.ts";

export interface RoutesDeps {
  authenticate: Authenticate;
  body: BodyReader;
  /** A Failure 503 while there is no Alertmanager. */
  proxy(): Proxy;
  /** Rejects with a 429 for a system that posts too often, with a 503 while too much waits. */
  admit(systemId: string): Promise<void>;
  /** Rejects with a 429 for a system that changes silences too often. */
  admitSilence(systemId: string): Promise<void>;
  maxBytes: number;
  authorizeWebhook(header: string | null): void;
  keepHistory(body: Uint8Array): Promise<void>;
}

const MAX_SILENCE_BYTES = 64 * 1024;
const Answer = Type.Unknown({ description: "As Alertmanager's API v2 answers; errors are JSON strings." });
const described = (summary: string) => ({
  detail: operation({ summary, auth: "system", data: Answer, isForeign: true }),
});

type Server = Parameters<typeof clientAddress>[0];

interface SilenceContext {
  request: Request;
  server: Server;
  params: { id: string };
}

export function applianceRoutes(deps: RoutesDeps) {
  const { authenticate, body, proxy, admit, admitSilence, maxBytes } = deps;
  /** Who calls is known before anything is said, even that there is nobody to ask. */
  const callerOf = async (request: Request, server: Server): Promise<Caller> => ({
    system: await authenticate(request, server),
    signal: request.signal,
  });
  const queryOf = ({ url }: Request) => {
    const start = url.indexOf("?");
    return new URLSearchParams(start === -1 ? "" : url.slice(start + 1));
  };
  const empty = () => new Response(null, { status: 200 });

  const showSilence = async ({ request, server, params }: SilenceContext) => {
    const caller = await callerOf(request, server);
    return Response.json(await proxy().showSilence(caller, params.id));
  };
  const deleteSilence = async ({ request, server, params }: SilenceContext) => {
    const caller = await callerOf(request, server);
    const behind = proxy();
    await admitSilence(caller.system.id);
    await behind.deleteSilence(caller, params.id);
    return empty();
  };

  return new Elysia()
    .group("/services/mimir/alertmanager/api/v2", (group) =>
      group
        .get(
          "/status",
          async ({ request, server }) => {
            const caller = await callerOf(request, server);
            return Response.json(await proxy().status(caller));
          },
          described("Alertmanager's version; nothing of its configuration"),
        )
        .get(
          "/alerts",
          async ({ request, server }) => {
            const caller = await callerOf(request, server);
            return Response.json(await proxy().listAlerts(caller, queryOf(request)));
          },
          described("The machine's own alerts"),
        )
        .post(
          "/alerts",
          async ({ request, server }) => {
            const caller = await callerOf(request, server);
            const behind = proxy();
            await admit(caller.system.id);
            const bytes = await body.bytes(request, maxBytes, { verified: caller.system.id });
            // A body may come slowly: who was suspended meanwhile is not heard any more.
            await authenticate(request, server);
            await behind.postAlerts(caller, bytes);
            return empty();
          },
          { parse: "none", ...described("Alerts, kept and delivered with the machine's labels") },
        )
        .get(
          "/silences",
          async ({ request, server }) => {
            const caller = await callerOf(request, server);
            return Response.json(await proxy().listSilences(caller, queryOf(request)));
          },
          described("The machine's own silences"),
        )
        .post(
          "/silences",
          async ({ request, server }) => {
            const caller = await callerOf(request, server);
            const behind = proxy();
            await admitSilence(caller.system.id);
            const given = readJson(await body.bytes(request, MAX_SILENCE_BYTES, { verified: caller.system.id }));
            await authenticate(request, server);
            return Response.json(await behind.postSilence(caller, given));
          },
          { parse: "none", ...described("A silence of the machine's own alerts") },
        )
        .get("/silence/:id", showSilence, described("One silence of the machine"))
        .get("/silences/:id", showSilence, described("The same"))
        .delete("/silence/:id", deleteSilence, { parse: "none", ...described("End a silence of the machine") })
        .delete("/silences/:id", deleteSilence, { parse: "none", ...described("The same") }),
    )
    .post(
      "/alert_history",
      async ({ request }) => {
        deps.authorizeWebhook(request.headers.get("authorization"));
        await deps.keepHistory(await body.bytes(request, maxBytes, { verified: "webhook" }));
        return new Response(null, { status: 204 });
      },
      {
        parse: "none",
        detail: operation({
          summary: "Alertmanager's webhook, with ALERTING_HISTORY_WEBHOOK_SECRET as Bearer token",
          auth: "none",
          status: 204,
        }),
      },
    );
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes);
  } catch (error) {
    throw error instanceof JsonFault ? malformed(`not JSON: ${error.message}`) : error;
  }
}
