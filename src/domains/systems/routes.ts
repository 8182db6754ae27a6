// Serves what appliances ask of their own entry: register, info, unregister.
import { Elysia } from "elysia";
import { Failure } from "../../errors.ts";
import { clientAddress, clientNetwork } from "../../http/edge/credentials.ts";
import { route } from "../../http/edge/route.ts";
import type { Asked } from "../../http/edge/route.ts";
import { requireOwnCertificate } from "./credentials/certificate.ts";
import type { Authenticate, AuthenticatedSystem } from "./credentials/authenticate.ts";
import type { Caller, Registered } from "./credentials/register.ts";
import { Registration } from "./schema.ts";
import type { SystemInfo } from "./store.ts";

interface ApplianceRoutesDeps {
  authenticate: Authenticate;
  info(systemId: string): Promise<SystemInfo | undefined>;
  /** Rejects with a 429 for a network that registers too often. */
  admitRegistration(network: string): Promise<void>;
  register(token: string, caller: Caller): Promise<Registered>;
  unregister(system: AuthenticatedSystem): Promise<void>;
}

export function applianceRoutes(deps: ApplianceRoutesDeps) {
  const { authenticate, info, admitRegistration, register, unregister } = deps;
  const app = new Elysia();
  const bySystem = { auth: "system", caller: ({ request, server }: Asked<string>) => authenticate(request, server) };
  route(
    app,
    "POST",
    "/systems/register",
    {
      summary: "Register with the secret",
      auth: "none",
      async caller({ request, server }) {
        const network = clientNetwork(server, request);
        await admitRegistration(network);
        return network;
      },
      sender: (network) => ({ stranger: network }),
      body: Registration,
      says: "system registered successfully",
    },
    ({ request, server, body: { system_secret } }) =>
      register(system_secret, {
        address: clientAddress(server, request),
        requireKey: (systemKey) => requireOwnCertificate(server, request, systemKey),
      }),
  );
  route(
    app,
    "GET",
    "/systems/info",
    {
      summary: "What Muster knows of the calling system",
      ...bySystem,
      isPrivate: true,
      says: "system info retrieved successfully",
    },
    async ({ caller: { id } }) => {
      const system = await info(id);
      if (!system) throw new Failure("systems.unknown", 404, "system not found");
      return describe(system);
    },
  );
  route(
    app,
    "POST",
    "/systems/unregister",
    {
      summary: "End the registration; the secret never opens anything again",
      ...bySystem,
      says: "system unregistered successfully",
    },
    async ({ caller }) => {
      await unregister(caller);
      return { system_key: caller.key };
    },
  );
  return app;
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
