// Registers appliances: each proves a secret it was given and learns its system key; exactly one caller wins.
import { Failure } from "../../../errors.ts";
import { tooMany } from "../../../http/edge/throttle.ts";
import type { NoteThrottled } from "../../../http/edge/throttle.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import type { Limiter } from "../../../ports/limiter.ts";
import { NO_SECRET, parseSecret, verifySecret } from "./secret.ts";
import { findRegistrant } from "./store.ts";
import { registerSystem } from "../store.ts";

interface RegisterDeps {
  database: Queryable;
  clock: Clock;
}

export interface Registered {
  system_key: string;
  registered_at: string;
}

/** What is known of the caller beside the secret. */
export interface Caller {
  address: string;
  /** Throws when the caller shows another system's certificate. */
  requireKey(systemKey: string): void;
}

interface AdmissionDeps {
  limiter: Limiter;
  ratePerMinute: number;
  noteThrottled: NoteThrottled;
}

/** 429 for a network that registers too often; asked before anything of the request is read. */
export async function admitRegistration(deps: AdmissionDeps, network: string): Promise<void> {
  const budget = { limit: deps.ratePerMinute, windowMs: 60_000 };
  const waitSeconds = await deps.limiter.take(`register:${network}`, budget);
  if (waitSeconds === 0) return;
  deps.noteThrottled("registrations", network);
  throw tooMany({ code: "register.throttled", sentence: "too many registrations" }, waitSeconds);
}

/**
 * 400 another shape, 401 unknown or wrong, 403 erased, suspended or with another's certificate, 409 registered before. A first
 * half that exists costs the same work as one that does not, so the time of a 401 does not reveal which ones exist.
 */
export async function register({ database, clock }: RegisterDeps, token: string, caller: Caller): Promise<Registered> {
  const parts = parseSecret(token);
  if (!parts || parts.public.includes("\0"))
    throw new Failure("register.malformed", 400, "invalid system secret format");
  const now = clock.now();
  const system = await findRegistrant(database, parts.public, now);
  if (!verifySecret(parts.secret, system.sha256 ?? NO_SECRET))
    throw new Failure("register.refused", 401, "invalid system secret");
  if (system.systemId === null) throw new Failure("register.erased", 403, "system has been deleted");
  caller.requireKey(system.systemKey);
  if (system.suspendedAt) throw new Failure("register.suspended", 403, "system is suspended");
  const registeredAt = system.registeredAt ? undefined : await registerSystem(database, system.systemId, now);
  if (!registeredAt) throw new Failure("register.conflict", 409, "system is already registered");
  return { system_key: system.systemKey, registered_at: registeredAt.toISOString() };
}
