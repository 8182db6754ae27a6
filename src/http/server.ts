// A listener: Bun.serve with limits, measured, and a stop that lets requests in flight finish.
import type { ListenAddress } from "../config-values.ts";
import { openConnections } from "./sockets.ts";

export interface ServerOptions {
  address: ListenAddress;
  /** The server is handed on so that handlers can ask for the client's address. */
  fetch(request: Request, server: Bun.Server<undefined>): Response | Promise<Response>;
  /** Largest body the listener lets in at all; it answers a larger one itself, in no words. */
  maxBodyBytes?: number;
  /** Other processes listen on the same address, and the kernel spreads connections over them. */
  reusePort?: boolean | undefined;
}

export interface RunningServer {
  url: string;
  /** No new connections; waits for the requests in flight, then cuts what is left after `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
  /**
   * Asks every client to connect anew, by its next answer, and resolves when no connection is left, after `leastMs`, or at the
   * limit. It goes on listening meanwhile: who steers new connections elsewhere loses none.
   */
  drain(leastMs: number, limitMs: number): Promise<void>;
}

/** A connection that sends nothing for this long is closed; a slow body is given up by its reader before. */
const IDLE_SECONDS = 60;
const DRAIN_POLL_MS = 50;

/** Far above what any reader takes, so that readers refuse in words; bytes that nobody reads are dropped as they come. */
const MAX_BODY_BYTES = 1024 ** 4;

export function startServer({
  address,
  fetch,
  maxBodyBytes = MAX_BODY_BYTES,
  reusePort = false,
}: ServerOptions): RunningServer {
  const handlers = {
    fetch,
    // The application answers its own errors; this is for what it could not even catch.
    error: () => Response.json({ code: 500, message: "internal server error", data: null }, { status: 500 }),
  };
  const server = Bun.serve({
    hostname: address.hostname,
    port: address.port,
    idleTimeout: IDLE_SECONDS,
    maxRequestBodySize: maxBodyBytes,
    development: false,
    // Without development Bun shares the port with whoever else asks for it; a second gateway must be refused instead.
    reusePort,
    ...handlers,
  });
  return {
    url: urlOf(address.hostname, server.port ?? address.port),
    async stop(deadlineMs) {
      const { promise: deadline, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, deadlineMs);
      await Promise.race([server.stop(), deadline]);
      clearTimeout(timer);
      await server.stop(true);
    },
    async drain(leastMs, limitMs) {
      const startMs = performance.now();
      server.reload({ ...handlers, fetch: async (request, asked) => closing(await fetch(request, asked)) });
      for (let passedMs = 0; passedMs < limitMs; passedMs = performance.now() - startMs) {
        if (passedMs >= leastMs && openConnections(server.port ?? 0) === 0) return;
        await Bun.sleep(DRAIN_POLL_MS);
      }
    },
  };
}

/** Throws when somebody listens there, and finds out which port the system chooses for port 0. */
export async function probeAddress({ hostname, port }: ListenAddress): Promise<ListenAddress & { url: string }> {
  const server = Bun.serve({
    hostname,
    port,
    reusePort: false,
    development: false,
    fetch: () => new Response(null, { status: 503 }),
  });
  const chosen = server.port ?? port;
  await server.stop(true);
  return { hostname, port: chosen, url: urlOf(hostname, chosen) };
}

const urlOf = (hostname: string, port: number) =>
  `http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;

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
