// Authenticates appliances: HTTP Basic against the stored secrets, with a bounded cache that forgets within a second of a change.
import { randomBytes } from "node:crypto";
import { clientNetwork, readBasic, unauthorized } from "../../../http/edge/credentials.ts";
import type { clientAddress } from "../../../http/edge/credentials.ts";
import { openThrottle } from "../../../http/edge/logins.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";
import type { Limiter } from "../../../ports/limiter.ts";
import { requireOwnCertificate } from "./certificate.ts";
import { NO_SECRET, parseSecret, verifySecret } from "./secret.ts";
import { findCredential, listKnownCredentials, touchSecret } from "./store.ts";
import type { CredentialRow } from "./store.ts";

export interface AuthenticatedSystem {
  id: string;
  key: string;
  organizationId: string;
}

/** Says which system sent a request, or throws 401, 403 (another's certificate), 429 or (when our database is away) 503. */
export type Authenticate = (
  request: Request,
  server: Parameters<typeof clientAddress>[0],
) => AuthenticatedSystem | Promise<AuthenticatedSystem>;

interface AuthenticatorDeps {
  database: Queryable;
  limiter: Limiter;
  clock: Clock;
  cacheTtlMs: number;
  failuresPerMinute: number;
  /** A login of this network was put off. */
  throttled(network: string): void;
  /** Systems whose credential is remembered: room for twice 100,000 of them, at about 400 bytes each. */
  maxCached?: number;
}

interface Authenticator {
  authenticate: Authenticate;
  /** Forgets one system's credential; in-flight lookups that began before are not cached either. */
  forget(systemKey: string): void;
  /** The same for every system of an organization. */
  forgetOrganization(organizationId: string): void;
  forgetAll(): void;
}

interface CachedCredential {
  system: AuthenticatedSystem;
  expiresAtMs: number;
}

const CHALLENGE = 'Basic realm="System Authentication"';
/** A longer header opens nothing, so it is not worth hashing. */
const MAX_HEADER_LENGTH = 1_100;

/**
 * Only successes are cached, one per system key, and only under a peppered digest of the header that proved them. Failures are
 * never remembered, so the first beat after registering works; they are throttled per network and per key instead.
 */
export function openAuthenticator({
  database,
  limiter,
  clock,
  cacheTtlMs,
  failuresPerMinute,
  throttled,
  maxCached = 200_000,
}: AuthenticatorDeps): Authenticator {
  /** By digest; the order of a Map is the age of use, because a hit is put back at its end. */
  const cache = new Map<string, CachedCredential>();
  const digests = new Map<string, string>();
  const pepper = randomBytes(16).toString("hex");
  const throttle = openThrottle<CredentialRow>({
    kind: "auth",
    limiter,
    clock,
    failuresPerMinute,
    listKnown: () => listKnownCredentials(database),
    throttled,
  });
  /** Grows with every invalidation: a lookup that saw an older number may have read what is no longer true. */
  let epoch = 0;

  const lookup = async (
    header: string | null,
    digest: string,
    ...[request, server]: Parameters<Authenticate>
  ): Promise<AuthenticatedSystem> => {
    const { name: systemKey, secret } = readBasic(header, CHALLENGE);
    const epochBefore = epoch;
    const row = await verify(systemKey, secret, clientNetwork(server, request));
    if (row === undefined) throw unauthorized("invalid system credentials", CHALLENGE);
    requireOwnCertificate(server, request, row.systemKey);
    const system = { id: row.systemId, key: row.systemKey, organizationId: row.organizationId };
    const expiresAtMs = Math.min(clock.now().getTime() + cacheTtlMs, row.expiresAt?.getTime() ?? Infinity);
    if (epoch === epochBefore) remember(digest, { system, expiresAtMs });
    return system;
  };

  /** By digest: requests that come with one credential at once wait for one look at the database, if it opens. */
  const underWay = new Map<string, Promise<AuthenticatedSystem>>();

  const lookupOnce = async (
    header: string | null,
    digest: string,
    ...[request, server]: Parameters<Authenticate>
  ): Promise<AuthenticatedSystem> => {
    const first = underWay.get(digest);
    if (first) {
      const epochBefore = epoch;
      const system = await first.catch(() => undefined);
      if (system && epoch === epochBefore) {
        requireOwnCertificate(server, request, system.key);
        return system;
      }
    }
    const own = lookup(header, digest, request, server);
    if (digest === "" || underWay.has(digest)) return own;
    underWay.set(digest, own);
    try {
      return await own;
    } finally {
      underWay.delete(digest);
    }
  };

  const verify = async (systemKey: string, token: string, network: string): Promise<CredentialRow | undefined> => {
    const parts = parseSecret(token);
    // PostgreSQL refuses U+0000 in text; no system has a key with one.
    const isPossible = parts !== undefined && !`${systemKey}${parts.public}`.includes("\0");
    const now = clock.now();
    const row = await throttle.login({
      network,
      key: systemKey,
      claim: `${systemKey}\n${parts?.public}`,
      find: async () => (isPossible ? findCredential(database, systemKey, parts.public, now) : undefined),
      opens(found) {
        const isRight = verifySecret(parts?.secret ?? "", found?.secretSha256 ?? NO_SECRET);
        return isRight && found?.suspendedAt === null && found.registeredAt !== null;
      },
    });
    if (row?.expiresAt && parts) await touchSecret(database, parts.public, now);
    return row;
  };

  /** In both directions: a clock that was set back must not make an entry last. */
  const isFresh = ({ expiresAtMs }: CachedCredential) => {
    const leftMs = expiresAtMs - clock.now().getTime();
    return leftMs > 0 && leftMs <= cacheTtlMs;
  };

  const remember = (digest: string, entry: CachedCredential) => {
    drop(entry.system.key);
    cache.set(digest, entry);
    digests.set(entry.system.key, digest);
    if (cache.size <= maxCached) return;
    for (const oldest of cache.values()) return drop(oldest.system.key);
  };

  const drop = (systemKey: string) => {
    const digest = digests.get(systemKey);
    if (digest === undefined) return;
    digests.delete(systemKey);
    cache.delete(digest);
  };

  const changed = () => {
    epoch += 1;
    throttle.forget();
  };

  return {
    authenticate(request, server) {
      const header = request.headers.get("authorization");
      const digest = header && header.length <= MAX_HEADER_LENGTH ? Bun.SHA256.hash(pepper + header, "base64") : "";
      const cached = cache.get(digest);
      if (cached && isFresh(cached)) {
        cache.delete(digest);
        cache.set(digest, cached);
        requireOwnCertificate(server, request, cached.system.key);
        return cached.system;
      }
      return lookupOnce(header, digest, request, server);
    },
    forget(systemKey) {
      changed();
      drop(systemKey);
    },
    forgetOrganization(organizationId) {
      changed();
      for (const { system } of [...cache.values()]) if (system.organizationId === organizationId) drop(system.key);
    },
    forgetAll() {
      changed();
      cache.clear();
      digests.clear();
    },
  };
}
