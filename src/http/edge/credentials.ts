// Reads the Authorization header and who is at the other end of the connection. It checks form, never validity.
import { Failure } from "../../errors.ts";
import { networkOf } from "../listen/network.ts";
import type { PeerSource } from "../listen/peer.ts";

/** 200 is generous for a name, a secret and a colon; a flood of longer ones is never decoded. */
const MAX_BASIC_LENGTH = 1024;
const MAX_BEARER_LENGTH = 200;

/** A 401, always with the challenge. */
export function unauthorized(message: string, challenge: string): Failure {
  return new Failure("auth.refused", 401, message, { headers: { "www-authenticate": challenge } });
}

/** HTTP Basic. Each way to be malformed is a 401 with a sentence of its own, checked in this order. */
export function readBasic(header: string | null, challenge: string): { name: string; secret: string } {
  if (!header) throw unauthorized("authentication required", challenge);
  if (!header.startsWith("Basic ")) throw unauthorized("invalid authentication format", challenge);
  const encoded = header.slice(6);
  if (encoded.length > MAX_BASIC_LENGTH || encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) {
    throw unauthorized("invalid authentication encoding", challenge);
  }
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon === -1) throw unauthorized("invalid credentials format", challenge);
  return { name: text.slice(0, colon), secret: text.slice(colon + 1) };
}

/** `wanted` says what is missing where there is no token. */
export function readBearer(header: string | null, wanted: string, challenge: string): string {
  const token = header?.startsWith("Bearer ") ? header.slice(7).trim() : "";
  if (token === "" || token.length > MAX_BEARER_LENGTH) throw unauthorized(wanted, challenge);
  return token;
}

/** The TCP peer's address; requests that came over no socket (tests, in-process calls) count as the loopback. */
export function clientAddress(server: PeerSource | null, request: Request): string {
  return server?.requestIP(request)?.address ?? "127.0.0.1";
}

/** What a client's budgets count on: an address, or the /64 that one belongs to. */
export const clientNetwork = (server: PeerSource | null, request: Request) => networkOf(clientAddress(server, request));

/** The common name of the client's certificate, "" for one without; undefined where clients show none. */
export const clientCertificate = (server: PeerSource | null, request: Request): string | undefined =>
  server?.certificateName?.(request);
