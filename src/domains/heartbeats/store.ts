// Stores heartbeats, and since when gateways listen. Rows are locked in the order of their systems' ids.
import type { Queryable } from "../../ports/database.ts";

/**
 * Stores the newest heartbeat of each system. Late and repeated heartbeats change nothing; the join drops those of erased systems.
 * Returns the systems that may become active by them, each with the time of the heartbeat that causes it: not those whose
 * heartbeat was queued for longer than the timeout, or sent before the registration. A repeated call returns them again.
 * `beats` is JSON, `[[system id, ms since 1970], …]`, as the queue holds it.
 */
export async function upsertBeats(
  db: Queryable,
  beats: string,
  activeAfter: Date,
): Promise<{ systemId: string; at: Date }[]> {
  return db.query(
    `with beats as (
       select s.id as system_id, max(b.at) as last, min(b.at) filter (where b.at > coalesce(h.last_heartbeat, '-infinity')) as first,
         max(h.last_heartbeat) as known
       from (
         select (beat ->> 0)::uuid as system_id, timestamptz 'epoch' + (beat ->> 1)::bigint * interval '1 millisecond' as at
         from json_array_elements($1::json) beat
       ) b join systems s on s.id = b.system_id left join system_heartbeats h on h.system_id = s.id
       group by s.id order by s.id
     ), kept as (
       insert into system_heartbeats as h (system_id, last_heartbeat) select system_id, last from beats
       on conflict (system_id) do update set last_heartbeat = excluded.last_heartbeat
       where h.last_heartbeat < excluded.last_heartbeat
     )
     select s.id as "systemId", greatest(coalesce(b.first, b.last), s.registered_at) as at
     from beats b join systems s on s.id = b.system_id
     where s.status <> 'active' and s.suspended_at is null and b.last >= s.registered_at
       and (b.known is null or b.last >= b.known) and (s.status = 'unknown' or b.last > $2)`,
    [beats, activeAfter],
    { name: "upsert-beats" },
  );
}

/** Records that this gateway listens; `listeningSince` moves forward after a gap. */
export async function renewWatch(db: Queryable, gatewayId: string, listeningSince: Date, now: Date): Promise<void> {
  await db.query(
    `insert into gateways (id, listening_since, seen_at) values ($1, $2, $3)
     on conflict (id) do update set listening_since = excluded.listening_since, seen_at = excluded.seen_at`,
    [gatewayId, listeningSince, now],
    { name: "renew-watch" },
  );
}

/**
 * Since when some gateway has listened without a gap, for a gateway that listens itself since `ownSince`: every gateway seen
 * after that was listening when this one began.
 */
export async function findWatch(db: Queryable, ownSince: Date): Promise<Date | undefined> {
  const [row] = await db.query<{ since: Date | null }>(
    `select min(listening_since) as since from gateways where seen_at >= $1`,
    [ownSince],
  );
  return row?.since ?? undefined;
}

/** The same for a process that does not listen: from the first of the gateways that were seen after `aliveSince`. */
export async function findOthersWatch(db: Queryable, aliveSince: Date): Promise<Date | undefined> {
  const [row] = await db.query<{ since: Date | null }>(
    `select min(listening_since) as since from gateways
     where seen_at >= (select min(listening_since) from gateways where seen_at >= $1)`,
    [aliveSince],
  );
  return row?.since ?? undefined;
}

/** Removes one gateway, or all: an exclusive owner of the data finds only dead ones at its start. */
export async function leaveWatch(db: Queryable, gatewayId: string | null): Promise<void> {
  await db.query(`delete from gateways where $1::uuid is null or id = $1`, [gatewayId]);
}

/** Removes gateways that were killed. */
export async function forgetDeadWatches(db: Queryable, seenBefore: Date): Promise<void> {
  await db.query(`delete from gateways where seen_at < $1`, [seenBefore]);
}

/** Stores heartbeats that another service received; they change no status. Returns how many were new. */
export async function importBeats(db: Queryable, beats: readonly { systemId: string; at: Date }[]): Promise<number> {
  const rows = await db.query(
    `insert into system_heartbeats as h (system_id, last_heartbeat)
     select b.id, b.at from unnest($1::uuid[], $2::timestamptz[]) b (id, at) join systems s on s.id = b.id
     on conflict (system_id) do update set last_heartbeat = excluded.last_heartbeat where h.last_heartbeat < excluded.last_heartbeat
     returning system_id`,
    [beats.map((beat) => beat.systemId), beats.map((beat) => beat.at)],
  );
  return rows.length;
}
