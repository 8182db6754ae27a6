// Opens the main listener and the operations listener, and keeps the certificate of the main one up to date.
import type { AnyElysia } from "elysia";
import type { CertificateInForce, CertificateWatch } from "../http/listen/certificate.ts";
import type { openMeasure } from "../http/listen/measure.ts";
import { readTrustedProxies, throughProxies } from "../http/listen/proxies.ts";
import { listenAs } from "../http/listen/refusal.ts";
import { startServer } from "../http/listen/server.ts";
import type { RunningServer } from "../http/listen/server.ts";
import { steerConnections } from "../http/listen/sockets.ts";
import type { Config } from "./settings.ts";

interface ListenersDeps {
  http: Config["http"];
  certificate: CertificateInForce | undefined;
  routes: AnyElysia;
  measure: ReturnType<typeof openMeasure>;
  handleOperations(request: Request): Promise<Response>;
  /** Undefined: another process has it. */
  main: { descriptor: number | undefined; reusePort: boolean } | undefined;
  /** Whether this process has the operations listener. */
  operations: boolean;
}

export interface Listeners {
  start(): Promise<void>;
  /** Where they answer, once started. */
  urls(): { main: string; operations: string } | undefined;
  /** Asks connected clients to connect anew, to somebody else, and waits until they did, for at least so long. */
  drain(leastMs: number, limitMs: number): Promise<void>;
  /** Which of the listeners on the main address gets new connections; false when it could not be done. */
  steer(target: Parameters<typeof steerConnections>[1]): boolean;
  /** Looks at once whether the files of TLS_* have changed. */
  reload(): void;
  /** From now on the certificate stays as it is. */
  settle(): void;
  /** Lets requests in flight finish, and resolves with those that were cut off. */
  stopMain(limitMs: number): Promise<string[]>;
  stopOperations(): Promise<void>;
}

const OPERATIONS_STOP_MS = 500;
/** Probes and scrapes have no body. */
const OPERATIONS_BODY_BYTES = 1024;

export function openListeners(deps: ListenersDeps): Listeners {
  const { http, certificate, routes, measure, handleOperations } = deps;
  const { listenAddress, healthListenAddress, trustedProxies } = http;
  const proxies = trustedProxies === undefined ? undefined : readTrustedProxies(trustedProxies);
  let servers: { main?: RunningServer; operations?: RunningServer } | undefined;
  let watch: CertificateWatch | undefined;

  const fetch = (request: Request, server: Bun.Server<undefined>): Promise<Response> => {
    routes.server ??= throughProxies(server, proxies);
    return measure(request, () => routes.fetch(request));
  };

  return {
    async start() {
      const { main: mainOptions } = deps;
      const main =
        mainOptions &&
        (await listenAs("LISTEN_ADDRESS", listenAddress, () =>
          startServer({ address: listenAddress, fetch, certificate: certificate?.current(), ...mainOptions }),
        ));
      servers = { ...(main && { main }) };
      watch = certificate?.watch((renewed) => main?.renew(renewed));
      if (!deps.operations) return;
      const options = { address: healthListenAddress, fetch: handleOperations, maxBodyBytes: OPERATIONS_BODY_BYTES };
      servers.operations = await listenAs("HEALTH_LISTEN_ADDRESS", healthListenAddress, () => startServer(options));
    },
    urls: () => servers && { main: servers.main?.url ?? "", operations: servers.operations?.url ?? "" },
    drain: async (leastMs, limitMs) => servers?.main?.drain(leastMs, limitMs),
    steer: (target) => steerConnections(listenAddress.port, target),
    reload: () => watch?.look(),
    settle: () => watch?.end(),
    stopMain: async (limitMs) => (await servers?.main?.stop(limitMs)) ?? [],
    async stopOperations() {
      await servers?.operations?.stop(OPERATIONS_STOP_MS);
    },
  };
}
