// Stores the secrets of systems: those that open, those that a rotation has replaced, and the tombstones of erased ones.
import type { Queryable } from "../../../ports/database.ts";
import type { OldSecret } from "../schema.ts";

/** The row that a login is decided on: a system, and the one of its secrets that was asked for. */
export interface CredentialRow {
  systemId: string;
  systemKey: string;
  organizationId: string;
  /** Null when the system has no such secret. */
  secretSha256: string | null;
  /** Set on a secret that a rotation has replaced. */
  expiresAt: Date | null;
  registeredAt: Date | null;
  /** Of the system, or of its organization. */
  suspendedAt: Date | null;
}

export async function findCredential(
  db: Queryable,
  systemKey: string,
  secretPublic: string,
  now: Date,
): Promise<CredentialRow | undefined> {
  const [row] = await db.query<CredentialRow>(
    `select s.id as "systemId", s.system_key as "systemKey", s.organization_id as "organizationId",
       c.secret_sha256 as "secretSha256", c.expires_at as "expiresAt",
       s.registered_at as "registeredAt", coalesce(s.suspended_at, o.suspended_at) as "suspendedAt"
     from systems s left join organizations o on o.id = s.organization_id
       left join system_secrets c on c.secret_public = $2 and c.system_id = s.id and (c.expires_at is null or c.expires_at > $3)
     where s.system_key = $1`,
    [systemKey, secretPublic, now],
    { name: "find-credential" },
  );
  return row;
}

/** Every pair of a system's key and the first half of a secret of it, as eight bytes of its hash. */
export async function listKnownCredentials(db: Queryable): Promise<Uint8Array> {
  const [row] = await db.query<{ known: Uint8Array | null }>(
    `select string_agg(substring(sha256(convert_to(s.system_key || E'\\n' || c.secret_public, 'UTF8')) for 8), ''::bytea) as known
     from system_secrets c join systems s on s.id = c.system_id`,
  );
  return row?.known ?? new Uint8Array();
}

/** A system that may register; without an id it is nobody, or was erased: then only the hash of its secret is left. */
type Registrant =
  | { systemId: string; systemKey: string; registeredAt: Date | null; suspendedAt: Date | null; sha256: string }
  | { systemId: null; sha256: string | null };

/** One statement, whether there is such a secret, was one, or never was. */
export async function findRegistrant(db: Queryable, secretPublic: string, now: Date): Promise<Registrant> {
  const [row] = await db.query<Registrant>(
    `select s.id as "systemId", s.system_key as "systemKey", s.registered_at as "registeredAt",
       coalesce(s.suspended_at, o.suspended_at) as "suspendedAt", coalesce(c.secret_sha256, e.secret_sha256) as sha256
     from (select $1::text as public) asked
       left join system_secrets c on c.secret_public = asked.public and (c.expires_at is null or c.expires_at > $2)
       left join systems s on s.id = c.system_id
       left join organizations o on o.id = s.organization_id
       left join erased_secrets e on e.secret_public = asked.public`,
    [secretPublic, now],
  );
  return row ?? { systemId: null, sha256: null };
}

/** At most once a minute a secret, so a busy system does not turn into writes. */
export async function touchSecret(db: Queryable, secretPublic: string, now: Date): Promise<void> {
  await db.query(
    `update system_secrets set last_used_at = $2
     where secret_public = $1 and (last_used_at is null or last_used_at < $2::timestamptz - interval '1 minute')`,
    [secretPublic, now],
  );
}

interface ReplaceSecret {
  systemId: string;
  secretPublic: string;
  secretSha256: string;
  now: Date;
  /** Null ends every older secret at once. */
  oldExpiresAt: Date | null;
}

export async function replaceSecret(db: Queryable, row: ReplaceSecret): Promise<void> {
  await db.query(
    `with ended as (
       delete from system_secrets where system_id = $1 and ($5::timestamptz is null or expires_at <= $4)
     ), aged as (
       update system_secrets set expires_at = $5 where system_id = $1 and expires_at is null and $5::timestamptz is not null
     )
     insert into system_secrets (secret_public, system_id, secret_sha256, created_at) values ($2, $1, $3, $4)`,
    [row.systemId, row.secretPublic, row.secretSha256, row.now, row.oldExpiresAt],
  );
}

export async function listOldSecrets(db: Queryable, now: Date): Promise<OldSecret[]> {
  return db.query(
    `select s.id as system_id, s.system_key, s.name, c.secret_public, c.expires_at, c.last_used_at
     from system_secrets c join systems s on s.id = c.system_id
     where c.expires_at > $1 order by c.last_used_at desc nulls last, s.system_key`,
    [now],
  );
}
