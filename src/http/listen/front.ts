// Terminates TLS before a listener, or accepts on a socket that systemd opened, and relays connections to it over the loopback.
// Bun's own server can do neither with a certificate that changes, nor tell whose certificate a client showed.
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import type { ListenAddress } from "../../values/net/address.ts";
import type { Certificate } from "./certificate.ts";
import { overlay } from "./peer.ts";
import type { PeerSource } from "./peer.ts";

interface FrontOptions {
  /** Where to listen, or the descriptor of a socket that listens already. */
  at: ListenAddress | { descriptor: number };
  /** Without one, bytes are handed on as they come. */
  certificate?: Certificate | undefined;
  reusePort: boolean;
  /** Of the listener behind, on the loopback. */
  port: number;
}

export interface Front {
  address: ListenAddress;
  /** The listener behind, which then knows clients by their own addresses and certificates. */
  seenThrough<Server extends PeerSource>(server: Server): Server;
  /** Whether a request came this way, and not from somebody on this machine who found the port behind. */
  brought(request: Request, server: PeerSource): boolean;
  /** For connections from now on. */
  renew(certificate: Certificate): void;
  /** No new connections. */
  close(): void;
  /** Waits until clients were sent what the listener behind had answered, at most so long, and cuts those that are left. */
  end(limitMs: number): Promise<void>;
}

interface Peer {
  address: string;
  family: string;
  port: number;
  certificateName: string;
}

/** Who says nothing for this long after connecting is no client. */
const HANDSHAKE_MS = 10_000;
const FLUSH_POLL_MS = 10;
const LOOPBACK = "127.0.0.1";
/** Of TLS 1.2: with forward secrecy and authenticated, which those that chain blocks are not. TLS 1.3 has no others. */
const CIPHERS = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"]
  .flatMap((cipher) => [`ECDHE-ECDSA-${cipher}`, `ECDHE-RSA-${cipher}`])
  .join(":");

export async function openFront({ at, certificate, reusePort, port }: FrontOptions): Promise<Front> {
  /** By the loopback port from which each connection is handed on. */
  const peers = new Map<number, Peer>();
  const open = new Set<Socket>();

  const relay = (client: Socket) => {
    const peer = peerOf(client);
    if (!peer) return void client.destroy();
    const inner = connect({ host: LOOPBACK, port, noDelay: true });
    let from = 0;
    open.add(client);
    inner.once("connect", () => {
      from = inner.localPort ?? 0;
      peers.set(from, peer);
      client.pipe(inner);
      inner.pipe(client);
    });
    const forget = () => {
      open.delete(client);
      if (peers.get(from) === peer) peers.delete(from);
    };
    // What broke is cut on both sides; what ended is flushed first, which `pipe` sees to.
    inner.on("error", () => client.destroy()).once("close", () => client.end());
    client.on("error", () => inner.destroy()).once("close", () => (inner.destroy(), forget()));
  };

  const secure =
    certificate && createTlsServer({ ...secureOptions(certificate), handshakeTimeout: HANDSHAKE_MS }, relay);
  const server = secure ?? createServer({ noDelay: true }, relay);
  // A handshake that fails is the client's own affair: scanners do little else.
  server.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy());
  await listen(server, at, reusePort);

  const peerBehind = (request: Request, source: PeerSource) => peers.get(source.requestIP(request)?.port ?? 0);
  return {
    address: addressOf(server.address(), at),
    seenThrough: (behind) =>
      overlay(behind, {
        requestIP: (request) => peerBehind(request, behind) ?? null,
        ...(certificate?.ca && {
          certificateName: (request: Request) => peerBehind(request, behind)?.certificateName ?? "",
        }),
      }),
    brought: (request, behind) => peerBehind(request, behind) !== undefined,
    renew: (renewed) => secure?.setSecureContext(secureOptions(renewed)),
    close: () => void server.close(),
    async end(limitMs) {
      const endMs = performance.now() + limitMs;
      const isFlushing = () => [...open].some((client) => !client.writableFinished && !client.destroyed);
      while (isFlushing() && performance.now() < endMs) await Bun.sleep(FLUSH_POLL_MS);
      for (const client of open) client.destroy();
    },
  };
}

function secureOptions({ cert, key, ca }: Certificate) {
  const client = ca ? { ca, requestCert: true, rejectUnauthorized: true } : {};
  return { cert, key, ...client, ciphers: CIPHERS, minVersion: "TLSv1.2" as const, ALPNProtocols: ["http/1.1"] };
}

/** Undefined for a client that is gone already. */
function peerOf(client: Socket): Peer | undefined {
  const { remoteAddress: address, remoteFamily: family = "", remotePort: port = 0 } = client;
  if (address === undefined) return undefined;
  const name = client instanceof TLSSocket ? client.getPeerCertificate()?.subject?.CN : undefined;
  // Several common names are none.
  return { address, family, port, certificateName: typeof name === "string" ? name : "" };
}

function listen(server: ReturnType<typeof createServer>, at: FrontOptions["at"], reusePort: boolean): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  const listening = () => {
    server.off("error", reject);
    // Later errors are of single connections, such as too many open files.
    server.on("error", () => {});
    resolve();
  };
  if ("descriptor" in at) server.listen({ fd: at.descriptor }, listening);
  else server.listen({ host: at.hostname, port: at.port, reusePort }, listening);
  return promise;
}

const addressOf = (given: AddressInfo | string | null, at: FrontOptions["at"]): ListenAddress => ({
  hostname: "hostname" in at ? at.hostname : typeof given === "object" ? (given?.address ?? "") : "",
  port: typeof given === "object" ? (given?.port ?? 0) : 0,
});
