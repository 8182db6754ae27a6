// A listener: Bun.serve with limits, measured, and a stop that lets requests in flight finish.
import type { ListenAddress } from "../config-values.ts";

export interface ServerOptions {
  address: ListenAddress;
  /** The server is handed on so that handlers can ask for the client's address. */
  fetch(request: Request, server: Bun.Server<undefined>): Response | Promise<Response>;
  /** Largest body the listener lets in at all; it answers a larger one itself, in no words. */
  maxBodyBytes?: number;
}

export interface RunningServer {
  url: string;
  /** No new connections; waits for the requests in flight, then cuts what is left after `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>;
}

/** A connection that sends nothing for this long is closed; a slow body is given up by its reader before. */
const IDLE_SECONDS = 60;

/** Far above what any reader takes, so that readers refuse in words; bytes that nobody reads are dropped as they come. */
const MAX_BODY_BYTES = 1024 ** 4;

export function startServer({ address, fetch, maxBodyBytes = MAX_BODY_BYTES }: ServerOptions): RunningServer {
  const server = Bun.serve({
    hostname: address.hostname,
    port: address.port,
    idleTimeout: IDLE_SECONDS,
    maxRequestBodySize: maxBodyBytes,
    development: false,
    // Without development Bun shares the port with whoever else asks for it; a second gateway must be refused instead.
    reusePort: false,
    fetch,
    // The application answers its own errors; this is for what it could not even catch.
    error: () => Response.json({ code: 500, message: "internal server error", data: null }, { status: 500 }),
  });
  return {
    url: `http://${address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname}:${server.port}`,
    async stop(deadlineMs) {
      const { promise: deadline, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, deadlineMs);
      await Promise.race([server.stop(), deadline]);
      clearTimeout(timer);
      await server.stop(true);
    },
  };
}
