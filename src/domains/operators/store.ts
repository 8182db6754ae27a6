// Reads and writes operator tokens.
import type { Queryable } from "../../ports/database.ts";
import type { OperatorToken } from "./schema.ts";

/** A token, by its id and the name it was given. */
export interface TokenRow {
  id: string;
  name: string;
}

export async function insertToken(
  db: Queryable,
  row: { id: string; name: string; digest: string; now: Date },
): Promise<void> {
  await db.query(`insert into operator_tokens (id, name, token_sha256, created_at) values ($1, $2, $3, $4)`, [
    row.id,
    row.name,
    row.digest,
    row.now,
  ]);
}

/** Whose live token it is; notes its use at most once a minute. */
export async function useToken(db: Queryable, digest: string, now: Date): Promise<TokenRow | undefined> {
  const [token] = await db.query<TokenRow>(
    `with used as (
       update operator_tokens set last_used_at = $2
       where token_sha256 = $1 and revoked_at is null and (last_used_at is null or last_used_at < $2::timestamptz - interval '1 minute')
     )
     select id, name from operator_tokens where token_sha256 = $1 and revoked_at is null`,
    [digest, now],
    { name: "use-token" },
  );
  return token;
}

export async function isLive(db: Queryable, id: string): Promise<boolean> {
  const rows = await db.query(`select 1 from operator_tokens where id = $1 and revoked_at is null`, [id]);
  return rows.length === 1;
}

/** Every live token, as eight bytes of the hash of its digest. */
export async function listKnownTokens(db: Queryable): Promise<Uint8Array> {
  const [row] = await db.query<{ known: Uint8Array | null }>(
    `select string_agg(substring(sha256(convert_to(token_sha256, 'UTF8')) for 8), ''::bytea) as known
     from operator_tokens where revoked_at is null`,
  );
  return row?.known ?? new Uint8Array();
}

export async function listTokens(db: Queryable): Promise<OperatorToken[]> {
  return db.query(
    `select id, name, created_at, last_used_at from operator_tokens where revoked_at is null order by created_at`,
  );
}

/** By id; by name only where one alone has it. */
export async function revokeToken(db: Queryable, idOrName: string, now: Date): Promise<boolean> {
  const rows = await db.query(
    `update operator_tokens set revoked_at = $2
     where revoked_at is null and (id::text = $1 or (name = $1 and 1 = (
       select count(*) from operator_tokens namesake where namesake.name = $1 and namesake.revoked_at is null)))
     returning id`,
    [idOrName, now],
  );
  return rows.length > 0;
}
