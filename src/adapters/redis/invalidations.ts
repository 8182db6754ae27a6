// Reads what the NethServer backend publishes when a credential changes: a system key, signed when both sides share a secret.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Log } from "../../log.ts";
import type { Bridge } from "./signals.ts";

interface InvalidationOptions {
  /** APP_ENV of both sides. */
  environment: string;
  /** Undefined: signatures are not checked. */
  secret: string | undefined;
  log: Log;
}

const SYSTEM_KEY = /^[A-Z0-9]+(-[A-F0-9]{4}){8}$/;
/** Enough for the longest key and signature; longer messages are dropped unread. */
const MAX_LENGTH = 200;

/** Delivers the key of each authentic message on the channel `to`. */
export function bridgeInvalidations(to: string, { environment, secret, log }: InvalidationOptions): Bridge {
  const drop = (why: string) => {
    log.warn(`A message about a changed credential was dropped: ${why}.`);
    return undefined;
  };
  return {
    channel: `my:auth:invalidate:${environment}`,
    to,
    read(message) {
      const [systemKey = "", signature] = message.length > MAX_LENGTH ? [] : message.split("|", 2);
      if (!SYSTEM_KEY.test(systemKey)) return drop("it names no system key");
      if (secret === undefined) return systemKey;
      if (signature === undefined) return drop("it is not signed, and INTERNAL_HMAC_SECRET is set");
      return isSignature(signature, systemKey, secret) ? systemKey : drop("its signature is wrong");
    },
  };
}

function isSignature(signature: string, systemKey: string, secret: string): boolean {
  const expected = createHmac("sha256", secret).update(systemKey).digest();
  const given = Buffer.from(/^[0-9a-fA-F]{64}$/.test(signature) ? signature : "", "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}
