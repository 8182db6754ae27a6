// Reads the Authorization header: HTTP Basic of appliances, Bearer of operators. It checks form, never validity.
import { Failure } from "../../errors.ts";
import { networkOf } from "../listen/network.ts";
import type { PeerSource } from "../listen/peer.ts";

export interface BasicCredentials {
  systemKey: string;
  secret: string;
}

const CHALLENGE = { "www-authenticate": 'Basic realm="System Authentication"' };
/** 44-character key, 64-character secret, a colon: 200 is generous, and a flood of longer ones is never decoded. */
const MAX_BASIC_LENGTH = 1024;

/** One of the five 401 sentences that appliances know (checked in this order), always with the challenge. */
export const unauthorized = (message: string) => new Failure("auth.refused", 401, message, { headers: CHALLENGE });
export const INVALID_CREDENTIALS = "invalid system credentials";

export function readBasic(header: string | null): BasicCredentials {
  if (!header) throw unauthorized("authentication required");
  if (!header.startsWith("Basic ")) throw unauthorized("invalid authentication format");
  const encoded = header.slice(6);
  if (encoded.length > MAX_BASIC_LENGTH || encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) {
    throw unauthorized("invalid authentication encoding");
  }
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon === -1) throw unauthorized("invalid credentials format");
  return { systemKey: text.slice(0, colon), secret: text.slice(colon + 1) };
}

export function readBearer(header: string | null): string {
  const token = header?.startsWith("Bearer ") ? header.slice(7).trim() : "";
  if (token === "" || token.length > 200) {
    throw new Failure("auth.refused", 401, "an operator token is required: Authorization: Bearer …", {
      headers: { "www-authenticate": 'Bearer realm="Muster"' },
    });
  }
  return token;
}

/** The TCP peer's address; requests that came over no socket (tests, in-process calls) count as the loopback. */
export function clientAddress(server: PeerSource | null, request: Request): string {
  return server?.requestIP(request)?.address ?? "127.0.0.1";
}

/** What a client's budgets count on: an address, or the /64 that one belongs to. */
export const clientNetwork = (server: PeerSource | null, request: Request) => networkOf(clientAddress(server, request));

/** Where clients show certificates, one opens for the system whose key is its common name, and for no other: else 403. */
export function requireOwnCertificate(server: PeerSource | null, request: Request, systemKey: string): void {
  const name = server?.certificateName?.(request);
  if (name === undefined || name === systemKey) return;
  throw new Failure("auth.certificate", 403, "the client certificate is not this system's");
}
