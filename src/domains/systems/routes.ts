// What appliances ask of their own entry: register, info, unregister.
import { Elysia } from "elysia";
import { Failure } from "../../errors.ts";
import type { BodyReader } from "../../http/edge/body.ts";
import { clientAddress, clientNetwork, requireOwnCertificate } from "../../http/edge/credentials.ts";
import { envelope } from "../../http/edge/envelope.ts";
import { operation } from "../../http/edge/openapi.ts";
import type { Authenticate, AuthenticatedSystem } from "./authenticate.ts";
import type { Caller, Registered } from "./register.ts";
import { Registration } from "./schema.ts";
import type { SystemInfo } from "./store.ts";

export interface ApplianceRoutesDeps {
  authenticate: Authenticate;
  body: BodyReader;
  info(systemId: string): Promise<SystemInfo | undefined>;
  /** Rejects with a 429 for a network that registers too often. */
  admitRegistration(network: string): Promise<void>;
  register(token: string, caller: Caller): Promise<Registered>;
  unregister(system: AuthenticatedSystem): Promise<void>;
}

export function applianceRoutes(deps: ApplianceRoutesDeps) {
  const { authenticate, body, info, admitRegistration, register, unregister } = deps;
  return new Elysia()
    .post(
      "/systems/register",
      async ({ request, server }) => {
        const network = clientNetwork(server, request);
        await admitRegistration(network);
        const { system_secret } = await body.json(request, Registration, { stranger: network });
        const caller = {
          address: clientAddress(server, request),
          requireKey: (systemKey: string) => requireOwnCertificate(server, request, systemKey),
        };
        return envelope("system registered successfully", await register(system_secret, caller));
      },
      { parse: "none", detail: operation({ summary: "Register with the secret", auth: "none", body: Registration }) },
    )
    .get(
      "/systems/info",
      async ({ request, server, set }) => {
        const { id } = await authenticate(request, server);
        const system = await info(id);
        if (!system) throw new Failure("systems.unknown", 404, "system not found");
        set.headers["cache-control"] = "no-store";
        return envelope("system info retrieved successfully", describe(system));
      },
      { detail: operation({ summary: "What Muster knows of the calling system", auth: "system" }) },
    )
    .post(
      "/systems/unregister",
      async ({ request, server }) => {
        const system = await authenticate(request, server);
        await unregister(system);
        return envelope("system unregistered successfully", { system_key: system.key });
      },
      {
        parse: "none",
        detail: operation({ summary: "End the registration; the secret never opens anything again", auth: "system" }),
      },
    );
}

/** The shape appliances' subscription pages read. */
function describe(system: SystemInfo) {
  return {
    system_id: system.system_id,
    system_key: system.system_key,
    name: system.name,
    type: system.type,
    fqdn: system.fqdn,
    status: system.status,
    suspended: system.suspended_at !== null,
    suspended_at: system.suspended_at,
    deleted: false,
    deleted_at: null,
    registered: system.registered_at !== null,
    registered_at: system.registered_at,
    created_at: system.created_at,
    organization: {
      id: system.organization_id,
      logto_id: system.organization_id,
      name: system.organization_name,
      type: system.organization_type,
      suspended: system.organization_suspended_at !== null,
      suspended_at: system.organization_suspended_at,
    },
    rebranding_enabled: false,
  };
}
