// Stores which silences systems created, and counts them: each system and each organization has a limit.
import { randomUUID } from "node:crypto";
import type { Database, Queryable } from "../../../ports/database.ts";
import { DAY_MS } from "../../../values/time.ts";

export interface SilenceNumbers {
  /** Pending or active silences of one system. */
  perSystem: number;
  perOrganization: number;
}

interface WantedSilence {
  systemId: string;
  organizationId: string;
  /** Alertmanager's id of the silence that it replaces. */
  replaces: string | undefined;
  endsAt: string;
}

/** Alertmanager and Mimir remember ended silences for 5 days; with those, a system may have this many times its limit. */
const ENDED_FACTOR = 10;
const REMEMBERED_MS = 5 * DAY_MS;
/** Longer than any wait for Alertmanager: an older reservation was left by a process that died. */
const RESERVED_MS = 60_000;

export type Full = { of: "system" | "organization"; kind: "active" | "remembered"; most: number };

/** The id of the reservation, or the limit that is reached. Systems of one organization reserve one after the other. */
export async function reserveSilence(
  database: Database,
  { systemId, organizationId, replaces, endsAt }: WantedSilence,
  { perSystem, perOrganization }: SilenceNumbers,
  now: Date,
): Promise<string | Full> {
  return database.transaction(async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(hashtextextended('muster silences ' || $1, 0))`, [organizationId]);
    const [held] = await tx.query<Record<"s" | "o" | "system" | "organization", number>>(
      `with held as (
         select system_id, ends_at > $4 and ($3::uuid is null or silence_id is distinct from $3) as is_active from alert_silences
         where (system_id = $1 or organization_id = $2) and (silence_id is not null or created_at > $5)
       )
       select count(*)::integer as organization, (count(*) filter (where is_active))::integer as o,
         (count(*) filter (where system_id = $1))::integer as system,
         (count(*) filter (where system_id = $1 and is_active))::integer as s from held`,
      [systemId, organizationId, replaces ?? null, now, new Date(now.getTime() - RESERVED_MS)],
    );
    const { s = 0, o = 0, system = 0, organization = 0 } = held ?? {};
    if (s >= perSystem) return { of: "system", kind: "active", most: perSystem };
    if (o >= perOrganization) return { of: "organization", kind: "active", most: perOrganization };
    if (system >= perSystem * ENDED_FACTOR) return { of: "system", kind: "remembered", most: perSystem * ENDED_FACTOR };
    if (organization >= perOrganization * ENDED_FACTOR)
      return { of: "organization", kind: "remembered", most: perOrganization * ENDED_FACTOR };
    const id = randomUUID();
    await tx.query(
      `insert into alert_silences (id, system_id, organization_id, ends_at, created_at) values ($1, $2, $3, $4, $5)`,
      [id, systemId, organizationId, endsAt, now],
    );
    return id;
  });
}

/** Turns a reservation into the silence that Alertmanager created. The replaced one has ended, unless it is the same. */
export async function confirmSilence(
  database: Database,
  id: string,
  { systemId, replaces }: WantedSilence,
  silenceId: string,
  now: Date,
): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query(`delete from alert_silences where system_id = $1 and silence_id = $2::uuid`, [systemId, silenceId]);
    await tx.query(`update alert_silences set silence_id = $2::uuid where id = $1`, [id, silenceId]);
    if (replaces !== undefined && replaces !== silenceId) await endSilence(tx, systemId, replaces, now);
  });
}

export async function releaseSilence(db: Queryable, id: string): Promise<void> {
  await db.query(`delete from alert_silences where id = $1 and silence_id is null`, [id]);
}

export async function endSilence(db: Queryable, systemId: string, silenceId: string, now: Date): Promise<void> {
  await db.query(
    `update alert_silences set ends_at = $3 where system_id = $1 and silence_id = $2::uuid and ends_at > $3`,
    [systemId, silenceId, now],
  );
}

/** Deletes silences that Alertmanager has forgotten, and abandoned reservations. Returns how many were deleted. */
export async function pruneSilences(db: Queryable, now: Date, limit: number): Promise<number> {
  const rows = await db.query(
    `delete from alert_silences where id in (
       select id from alert_silences where ends_at < $1 or (silence_id is null and created_at < $2)
       order by id limit $3 for update skip locked
     ) returning 1`,
    [new Date(now.getTime() - REMEMBERED_MS), new Date(now.getTime() - RESERVED_MS), limit],
  );
  return rows.length;
}
