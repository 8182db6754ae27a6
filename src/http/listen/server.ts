// Starts a listener: Bun.serve with limits, and a stop that lets requests in flight finish.
import { addressText } from "../../values/net/address.ts";
import type { ListenAddress } from "../../values/net/address.ts";
import { counted } from "../../values/count.ts";
import type { Certificate } from "./certificate.ts";
import { openFront } from "./front.ts";
import type { Front } from "./front.ts";
import { openConnections } from "./sockets.ts";
import { openUnderWay } from "./under-way.ts";

interface ServerOptions {
  address: ListenAddress;
  /** The server is handed on so that handlers can ask for the client's address. */
  fetch(request: Request, server: Bun.Server<undefined>): Response | Promise<Response>;
  /** Largest body that is accepted; a larger one is rejected by the listener itself with an empty 413. */
  maxBodyBytes?: number;
  /** Other processes listen on the same address, and the kernel spreads connections over them. */
  reusePort?: boolean | undefined;
  /** With it the listener speaks TLS. */
  certificate?: Certificate | undefined;
  /** A socket that listens already, instead of the address. */
  descriptor?: number | undefined;
}

export interface RunningServer {
  url: string;
  /** For connections from now on, where the listener speaks TLS. */
  renew(certificate: Certificate): void;
  /**
   * No new connections. Waits until requests under way have their answers, `limitMs` at most, and cuts what is left then, which
   * it names. Answers that are still being sent, such as a download over a slow line, are not waited for longer than a moment.
   */
  stop(limitMs: number): Promise<string[]>;
  /**
   * Asks every client to connect anew, by its next answer, and resolves when no connection is left, after `leastMs`, or at the
   * limit. It goes on listening meanwhile: who steers new connections elsewhere loses none.
   */
  drain(leastMs: number, limitMs: number): Promise<void>;
}

/** A connection that sends nothing for this long is closed; a slow body is given up by its reader before. */
const IDLE_SECONDS = 60;
const DRAIN_POLL_MS = 50;
/** An answer that was made gets this long to reach its client, at a stop. */
const FLUSH_MS = 2_000;
const FLUSH_LEAST_MS = 200;
const STOP_POLL_MS = 10;

/** Far above what any reader takes, so that readers refuse in words; bytes without a reader are dropped as they arrive. */
const MAX_BODY_BYTES = 1024 ** 4;

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { address, certificate, descriptor, maxBodyBytes = MAX_BODY_BYTES, reusePort = false } = options;
  const isBehind = certificate !== undefined || descriptor !== undefined;
  let front: Front | undefined;
  let seen: Bun.Server<undefined> | undefined;
  const fetchBehind: ServerOptions["fetch"] = (request, server) => {
    if (!front?.brought(request, server)) return new Response("This port is Muster's own.\n", { status: 403 });
    return options.fetch(request, (seen ??= front.seenThrough(server)));
  };
  const underWay = openUnderWay();
  const answer = underWay.during(isBehind ? fetchBehind : options.fetch);
  const handlers = {
    fetch: (request: Request, server: Bun.Server<undefined>) =>
      namesOneHost(request) ? answer(request, server) : ambiguousHost(),
    // The application answers its own errors; this is for what it could not even catch.
    error: () => Response.json({ code: 500, message: "internal server error", data: null }, { status: 500 }),
  };
  const server = Bun.serve({
    ...(isBehind ? { hostname: "127.0.0.1", port: 0 } : address),
    idleTimeout: IDLE_SECONDS,
    maxRequestBodySize: maxBodyBytes,
    development: false,
    // Without development Bun shares the port with whoever else asks for it; a second gateway must be refused instead.
    reusePort: reusePort && !isBehind,
    ...handlers,
  });
  const port = server.port ?? address.port;
  if (isBehind) {
    try {
      const at = descriptor === undefined ? address : { descriptor };
      front = await openFront({ at, certificate, reusePort, port });
    } catch (error) {
      await server.stop(true);
      throw error;
    }
  }
  return {
    url: urlOf(front?.address ?? { hostname: address.hostname, port }, certificate ? "https" : "http"),
    renew: (renewed) => front?.renew(renewed),
    async stop(limitMs) {
      front?.close();
      const endMs = performance.now() + limitMs;
      let isDone = false;
      void server.stop().then(() => (isDone = true));
      let flushingSinceMs = performance.now();
      while (!isDone) {
        const nowMs = performance.now();
        if (underWay.count() > 0) flushingSinceMs = nowMs;
        if (nowMs >= endMs || nowMs - flushingSinceMs >= FLUSH_MS) break;
        await Bun.sleep(STOP_POLL_MS);
      }
      const halfSent = server.pendingRequests - underWay.count();
      const left = [...underWay.names(), ...(halfSent > 0 ? [`${counted(halfSent, "answer")} half sent`] : [])];
      await server.stop(true);
      await front?.end(Math.max(Math.min(endMs - performance.now(), FLUSH_MS), FLUSH_LEAST_MS));
      return left;
    },
    async drain(leastMs, limitMs) {
      const startMs = performance.now();
      server.reload({ ...handlers, fetch: async (request, asked) => closing(await handlers.fetch(request, asked)) });
      for (let passedMs = 0; passedMs < limitMs; passedMs = performance.now() - startMs) {
        if (passedMs >= leastMs && openConnections(port) === 0) return;
        await Bun.sleep(DRAIN_POLL_MS);
      }
    },
  };
}

/** Throws when somebody listens there, and finds out which port the system chooses for port 0. */
export async function probeAddress(
  { hostname, port }: ListenAddress,
  scheme: Scheme,
): Promise<ListenAddress & { url: string }> {
  const server = Bun.serve({
    hostname,
    port,
    reusePort: false,
    development: false,
    fetch: () => new Response(null, { status: 503 }),
  });
  const chosen = server.port ?? port;
  await server.stop(true);
  return { hostname, port: chosen, url: urlOf({ hostname, port: chosen }, scheme) };
}

type Scheme = "http" | "https";

const urlOf = ({ hostname, port }: ListenAddress, scheme: Scheme) => `${scheme}://${addressText({ hostname, port })}`;

/** HTTP/1.0 may name none. Of several, each proxy on the way may have believed another; they arrive joined with commas. */
const namesOneHost = ({ headers }: Request) => HOST.test(headers.get("host") ?? "");
const HOST = /^[\w.:~%[\]-]*$/;
const ambiguousHost = () =>
  Response.json(
    { code: 400, message: "malformed request: it must name one host", data: null },
    { status: 400, headers: { connection: "close" } },
  );

/** An answer that was made elsewhere may have headers that cannot be changed. */
function closing(response: Response): Response {
  try {
    response.headers.set("connection", "close");
    return response;
  } catch {
    const headers = new Headers(response.headers);
    headers.set("connection", "close");
    return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
  }
}
