// Imports systems of the service that Muster replaces: same id, same key, same secret, so that they notice nothing.
import type { Database, Queryable } from "../../ports/database.ts";

export interface ImportedSystem {
  id: string;
  name: string;
  type: string | null;
  fqdn: string | null;
  version: string | null;
  ipv4: string | null;
  ipv6: string | null;
  status: string;
  organizationId: string;
  systemKey: string;
  secretPublic: string;
  secretSha256: string;
  createdAt: Date;
  registeredAt: Date | null;
  suspendedAt: Date | null;
}

/** By id: "imported", "there" (and left as it is here), or why it cannot be. A dry run only says. */
export async function importSystems(
  db: Database,
  rows: readonly ImportedSystem[],
  dryRun: boolean,
): Promise<Map<string, string>> {
  return db.transaction(async (tx) => {
    const outcomes = await judge(tx, rows);
    const wanted = rows.filter((row) => outcomes.get(row.id) === "imported");
    if (!dryRun && wanted.length > 0) await insertImported(tx, wanted);
    return outcomes;
  });
}

async function judge(db: Queryable, rows: readonly ImportedSystem[]): Promise<Map<string, string>> {
  const found = await db.query<{ id: string; there: boolean; key: boolean; secret: boolean; erased: boolean }>(
    `select r.id, exists (select from systems s where s.id = r.id) as there,
       exists (select from systems s where s.system_key = r.key) as key,
       exists (select from system_secrets s where s.secret_public = r.secret) as secret,
       exists (select from erased_secrets e where e.secret_public = r.secret) as erased
     from unnest($1::uuid[], $2::text[], $3::text[]) r (id, key, secret)`,
    [rows.map((row) => row.id), rows.map((row) => row.systemKey), rows.map((row) => row.secretPublic)],
  );
  const facts = new Map(found.map((row) => [row.id, row]));
  return new Map(
    rows.map(({ id }) => {
      const { there, key, secret, erased } = facts.get(id.toLowerCase()) ?? {};
      if (there) return [id, "there"];
      if (erased) return [id, "it was deleted here"];
      if (key) return [id, "another system has its key here"];
      if (secret) return [id, "another system has its secret here"];
      return [id, "imported"];
    }),
  );
}

/** Active is who beats here; its last heartbeat is imported by the heartbeats. */
async function insertImported(db: Queryable, rows: readonly ImportedSystem[]): Promise<void> {
  await db.query(
    `with system as (
       insert into systems (id, name, type, fqdn, version, ipv4_address, ipv6_address, status, organization_id, system_key,
         created_at, registered_at, suspended_at)
       select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::inet[], $7::inet[], $8::text[], $9::text[],
         $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[])
       returning id
     )
     insert into system_secrets (secret_public, system_id, secret_sha256, created_at)
     select r.public, r.id, r.sha256, r.at from unnest($14::text[], $1::uuid[], $15::text[], $11::timestamptz[]) r (public, id, sha256, at)
     join system using (id)`,
    [
      rows.map((row) => row.id),
      rows.map(
        (row) =>
          row.name
            .toWellFormed()
            .replace(/\p{Cc}+/gu, " ")
            .trim() || row.systemKey,
      ),
      rows.map((row) => row.type),
      rows.map((row) => row.fqdn),
      rows.map((row) => row.version),
      rows.map((row) => row.ipv4),
      rows.map((row) => row.ipv6),
      rows.map((row) => (row.status === "inactive" ? "inactive" : "unknown")),
      rows.map((row) => row.organizationId),
      rows.map((row) => row.systemKey),
      rows.map((row) => row.createdAt),
      rows.map((row) => row.registeredAt),
      rows.map((row) => row.suspendedAt),
      rows.map((row) => row.secretPublic),
      rows.map((row) => row.secretSha256),
    ],
  );
}

/** Secrets of systems that were deleted: whoever registers with one is told so. */
export async function importErasedSecrets(
  db: Queryable,
  secrets: readonly { public: string; sha256: string; erasedAt: Date }[],
): Promise<void> {
  await db.query(
    `insert into erased_secrets (secret_public, secret_sha256, erased_at)
     select r.* from unnest($1::text[], $2::text[], $3::timestamptz[]) r (public, sha256, at)
     where not exists (select from system_secrets s where s.secret_public = r.public)
     on conflict (secret_public) do nothing`,
    [secrets.map((one) => one.public), secrets.map((one) => one.sha256), secrets.map((one) => one.erasedAt)],
  );
}
