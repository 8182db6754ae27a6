// Describes whose connection a request came over, as the listener or what stands before it knows.

/** A server, as far as it is asked for its clients. */
export interface PeerSource {
  requestIP(request: Request): { address: string; family?: string; port?: number } | null;
  /** Only where clients show certificates: the common name of theirs, or "" when it has none. */
  certificateName?(request: Request): string;
}

/** The server with some of its answers replaced; everything else is its own, and native: it only works on the server itself. */
export function overlay<Server extends object>(server: Server, own: Partial<PeerSource>): Server {
  return new Proxy(server, {
    get(target, name) {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name);
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
