// Checks that a client certificate is the calling system's own, where clients show certificates.
import { Failure } from "../../../errors.ts";
import { clientCertificate } from "../../../http/edge/credentials.ts";

/** A certificate opens for the system whose key is its common name, and for no other: else a Failure 403. */
export function requireOwnCertificate(
  server: Parameters<typeof clientCertificate>[0],
  request: Request,
  systemKey: string,
): void {
  const name = clientCertificate(server, request);
  if (name === undefined || name === systemKey) return;
  throw new Failure("auth.certificate", 403, "the client certificate is not this system's");
}
