// Who is calling: HTTP Basic against the stored secrets, with a bounded cache that forgets within a second of a change.
import { randomBytes } from "node:crypto";
import { INVALID_CREDENTIALS, clientAddress, readBasic, unauthorized } from "../../http/credentials.ts";
import { Failure } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Queryable } from "../../ports/database.ts";
import type { Limiter } from "../../ports/limiter.ts";
import { parseSecret, verifySecret } from "./secret.ts";
import { findCredential, touchSecret } from "./store.ts";
import type { CredentialRow } from "./store.ts";

export interface AuthenticatedSystem {
  id: string;
  key: string;
  organizationId: string;
}

/** Says which system sent a request, or throws 401, 429 or (when our database is away) 503. */
export type Authenticate = (
  request: Request,
  server: Parameters<typeof clientAddress>[0],
) => AuthenticatedSystem | Promise<AuthenticatedSystem>;

export interface AuthenticatorDeps {
  database: Queryable;
  limiter: Limiter;
  clock: Clock;
  cacheTtlMs: number;
  failuresPerMinute: number;
}

export interface Authenticator {
  authenticate: Authenticate;
  /** Forgets one system's credential; in-flight lookups that began before are not cached either. */
  forget(systemKey: string): void;
  forgetAll(): void;
}

interface CachedCredential {
  digest: string;
  system: AuthenticatedSystem;
  expiresAtMs: number;
}

/** 100,000 systems and room for twice as many; an entry is about 300 bytes. */
const MAX_CACHED = 200_000;

/**
 * Only successes are cached, one per system key, and only as a peppered digest. Failures are never remembered, so the first
 * beat after registering works; they are throttled per (address, key) instead.
 */
export function openAuthenticator({
  database,
  limiter,
  clock,
  cacheTtlMs,
  failuresPerMinute,
}: AuthenticatorDeps): Authenticator {
  const cache = new Map<string, CachedCredential>();
  const pepper = randomBytes(16).toString("hex");
  const failures = { limit: failuresPerMinute, windowMs: 60_000 };
  /** Grows with every invalidation: a lookup that saw an older number may have read what is no longer true. */
  let epoch = 0;

  const lookup = async (
    systemKey: string,
    secret: string,
    digest: string,
    address: string,
  ): Promise<AuthenticatedSystem> => {
    const throttleKey = `auth:${address}:${systemKey.slice(0, 100)}`;
    const waitSeconds = await limiter.peek(throttleKey, failures);
    if (waitSeconds > 0) throw throttled(waitSeconds);
    const epochBefore = epoch;
    const row = await verify(systemKey, secret);
    if (row === undefined) {
      await limiter.take(throttleKey, failures);
      throw unauthorized(INVALID_CREDENTIALS);
    }
    const system = { id: row.systemId, key: row.systemKey, organizationId: row.organizationId };
    const expiresAtMs = Math.min(clock.now().getTime() + cacheTtlMs, row.expiresAt?.getTime() ?? Infinity);
    if (epoch === epochBefore) remember(systemKey, { digest, system, expiresAtMs });
    return system;
  };

  const verify = async (systemKey: string, token: string): Promise<CredentialRow | undefined> => {
    const parts = parseSecret(token);
    // PostgreSQL refuses U+0000 in text; a key that holds one is nobody's.
    if (!parts || `${systemKey}${parts.public}`.includes("\0")) return undefined;
    const now = clock.now();
    const row = await findCredential(database, systemKey, parts.public, now);
    if (!row || !verifySecret(parts.secret, row.secretSha256) || row.suspendedAt || !row.registeredAt) return undefined;
    if (row.expiresAt) await touchSecret(database, parts.public, now);
    return row;
  };

  const remember = (systemKey: string, entry: CachedCredential) => {
    cache.set(systemKey, entry);
    if (cache.size <= MAX_CACHED) return;
    const oldest = cache.keys().next();
    if (!oldest.done) cache.delete(oldest.value);
  };

  return {
    authenticate(request, server) {
      const { systemKey, secret } = readBasic(request.headers.get("authorization"));
      const digest = Bun.SHA256.hash(pepper + secret, "base64");
      const cached = cache.get(systemKey);
      if (cached && cached.digest === digest && cached.expiresAtMs > clock.now().getTime()) {
        // Map order is age of use: the least recently used entry is the first to go.
        cache.delete(systemKey);
        cache.set(systemKey, cached);
        return cached.system;
      }
      return lookup(systemKey, secret, digest, clientAddress(server, request));
    },
    forget(systemKey) {
      epoch += 1;
      cache.delete(systemKey);
    },
    forgetAll() {
      epoch += 1;
      cache.clear();
    },
  };
}

/** Appliances obey Retry-After to the letter, so it stays small however long the throttle lasts. */
const throttled = (waitSeconds: number) =>
  new Failure("auth.throttled", 429, "too many failed logins", { retryAfterSeconds: Math.min(waitSeconds, 5) });
