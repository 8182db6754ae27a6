// Registration: an appliance proves a secret it was given and learns its system key; exactly one caller wins.
import { Failure } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Limiter } from "../../ports/limiter.ts";
import { parseSecret, verifySecret } from "./secret.ts";
import { findErasedSecret, findSecret, registerSystem } from "./store.ts";

export interface RegisterDeps {
  database: Queryable;
  clock: Clock;
}

export interface Registered {
  system_key: string;
  registered_at: string;
}

/** What is known of the caller beside the secret. */
export interface Caller {
  /** Throws when the caller shows another system's certificate. */
  requireKey(systemKey: string): void;
}

/** 429 for an address that registers too often; asked before anything of the request is read. */
export async function admitRegistration(
  { limiter, ratePerMinute }: { limiter: Limiter; ratePerMinute: number },
  address: string,
): Promise<void> {
  const waitSeconds = await limiter.take(`register:${address}`, { limit: ratePerMinute, windowMs: 60_000 });
  if (waitSeconds === 0) return;
  throw new Failure("register.throttled", 429, "too many registrations", {
    retryAfterSeconds: Math.min(waitSeconds, 5),
  });
}

/** 400 another shape, 401 unknown or wrong, 403 erased, suspended or with another's certificate, 409 registered before. */
export async function register({ database, clock }: RegisterDeps, token: string, caller: Caller): Promise<Registered> {
  const parts = parseSecret(token);
  if (!parts || parts.public.includes("\0"))
    throw new Failure("register.malformed", 400, "invalid system secret format");
  const now = clock.now();
  const row = await findSecret(database, parts.public, now);
  if (!row) {
    const erased = await findErasedSecret(database, parts.public);
    if (erased && verifySecret(parts.secret, erased))
      throw new Failure("register.erased", 403, "system has been deleted");
  }
  if (!row || !verifySecret(parts.secret, row.secretSha256))
    throw new Failure("register.refused", 401, "invalid system secret");
  caller.requireKey(row.systemKey);
  if (row.suspendedAt) throw new Failure("register.suspended", 403, "system is suspended");
  const registeredAt = row.registeredAt ? undefined : await registerSystem(database, row.systemId, now);
  if (!registeredAt) throw new Failure("register.conflict", 409, "system is already registered");
  return { system_key: row.systemKey, registered_at: registeredAt.toISOString() };
}
