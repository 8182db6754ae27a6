// Makes and checks download links: signed with a secret of the database, so every gateway of it honours them, until they expire or
// the token that made them is revoked.
import { createHmac, timingSafeEqual } from "node:crypto";
import { Failure } from "../../../errors.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Queryable } from "../../../ports/database.ts";

export interface Link {
  /** Path and query, relative to Muster's address. */
  download_url: string;
  expires_at: string;
  expires_in_seconds: number;
}

export interface LinkProof {
  link: string;
  /** Id of the token that made it. */
  token: string;
  expires: number;
  signature: string;
}

export interface Links {
  make(backupId: string, token: string, ttlSeconds: number): Promise<Link>;
  /** Throws a Failure 403 for a link that Muster did not make, that has expired, or whose token was revoked. */
  check(backupId: string, proof: LinkProof): Promise<void>;
}

export const LINK_TTL_SECONDS = 300;

interface LinksDeps {
  database: Queryable;
  clock: Clock;
  /** Whether a token is still valid. */
  isLive(token: string): Promise<boolean>;
}

export function openLinks({ database, clock, isLive }: LinksDeps): Links {
  let secret: Promise<Buffer> | undefined;
  const sign = async (backupId: string, { link, token, expires }: Omit<LinkProof, "signature">) => {
    // A failure is not cached.
    secret ??= findLinkSecret(database).catch((error) => ((secret = undefined), Promise.reject(error)));
    return createHmac("sha256", await secret)
      .update(`${backupId}\n${link}\n${token}\n${expires}`)
      .digest("base64url");
  };

  return {
    async make(backupId, token, ttlSeconds) {
      const expires = Math.floor(clock.now().getTime() / 1000) + ttlSeconds;
      const link = crypto.randomUUID();
      const signature = await sign(backupId, { link, token, expires });
      const query = new URLSearchParams({ expires: String(expires), link, token, signature });
      return {
        download_url: `/api/backups/${backupId}/download?${query}`,
        expires_at: new Date(expires * 1000).toISOString(),
        expires_in_seconds: ttlSeconds,
      };
    },

    async check(backupId, { signature, ...proof }) {
      const right = Buffer.from(await sign(backupId, proof));
      const given = Buffer.from(signature);
      const isOurs = right.byteLength === given.byteLength && timingSafeEqual(right, given);
      const isValid = isOurs && clock.now().getTime() < proof.expires * 1000 && (await isLive(proof.token));
      if (!isValid) throw new Failure("backup.link", 403, "this download link is not valid or has expired");
    },
  };
}

async function findLinkSecret(db: Queryable): Promise<Buffer> {
  const [row] = await db.query<{ link_secret: Buffer }>(`select link_secret from backup_installation`);
  if (!row) throw new Error("The database has no secret for download links.");
  return row.link_secret;
}

interface Download {
  backupId: string;
  systemId: string;
  via: "link" | "operator";
  linkId: string | null;
  address: string;
}

export async function insertDownload(db: Queryable, one: Download, now: Date): Promise<void> {
  await db.query(
    `insert into backup_downloads (backup_id, system_id, via, link_id, address, downloaded_at) values ($1, $2, $3, $4, $5, $6)`,
    [one.backupId, one.systemId, one.via, one.linkId, one.address, now],
  );
}

export async function listDownloads(
  db: Queryable,
  backupId: string,
  limit: number,
): Promise<{ via: string; link_id: string | null; address: string; downloaded_at: Date }[]> {
  return db.query(
    `select via, link_id, address, downloaded_at from backup_downloads where backup_id = $1
     order by downloaded_at desc, id desc limit $2`,
    [backupId, limit],
  );
}
