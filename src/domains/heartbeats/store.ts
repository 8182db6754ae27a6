// SQL of heartbeats, status flips and the gateways' own watch.
import type { Queryable } from "../../ports/database.ts";

export interface Beat {
  systemId: string;
  at: Date;
}

/**
 * Keeps the newest beat of each system and brings unknown and inactive systems back, each flip stamped with the beat that
 * caused it. Late and repeated beats change nothing; beats of erased systems fall away in the join.
 */
export async function upsertBeats(db: Queryable, beats: readonly Beat[]): Promise<void> {
  await db.query(
    `with beats as (
       select b.system_id, max(b.at) as last, min(b.at) as first
       from unnest($1::uuid[], $2::timestamptz[]) as b (system_id, at) join systems s on s.id = b.system_id
       group by b.system_id order by b.system_id
     ), kept as (
       insert into system_heartbeats as h (system_id, last_heartbeat) select system_id, last from beats
       on conflict (system_id) do update set last_heartbeat = excluded.last_heartbeat
       where h.last_heartbeat < excluded.last_heartbeat
       returning system_id
     ), flipped as (
       update systems s set status = 'active' from kept k join beats b using (system_id)
       where s.id = k.system_id and s.status <> 'active' and s.suspended_at is null and s.registered_at is not null
       returning s.id, b.first
     )
     insert into system_status_changes (system_id, status, changed_at) select id, 'active', first from flipped`,
    [beats.map((beat) => beat.systemId), beats.map((beat) => beat.at)],
    { name: "upsert-beats" },
  );
}

/** Marks as inactive whoever was silent for the whole timeout; the flip is stamped with the instant the timeout ran out. */
export async function markInactive(db: Queryable, now: Date, timeoutMs: number): Promise<number> {
  const rows = await db.query(
    `with silent as (
       update systems s set status = 'inactive' from system_heartbeats h
       where h.system_id = s.id and s.status = 'active' and s.suspended_at is null and h.last_heartbeat <= $1
       returning s.id, h.last_heartbeat
     )
     insert into system_status_changes (system_id, status, changed_at)
     select id, 'inactive', last_heartbeat + $2 * interval '1 millisecond' from silent returning system_id`,
    [new Date(now.getTime() - timeoutMs), timeoutMs],
  );
  return rows.length;
}

/** The safety net under `upsertBeats`: a system resumed or registered after its last beat was stored. */
export async function markActive(db: Queryable, now: Date, timeoutMs: number): Promise<number> {
  const rows = await db.query(
    `with heard as (
       update systems s set status = 'active' from system_heartbeats h
       where h.system_id = s.id and s.status <> 'active' and s.suspended_at is null and s.registered_at is not null
         and h.last_heartbeat > $1 and h.last_heartbeat >= s.registered_at
       returning s.id, h.last_heartbeat
     )
     insert into system_status_changes (system_id, status, changed_at) select id, 'active', last_heartbeat from heard returning system_id`,
    [new Date(now.getTime() - timeoutMs)],
  );
  return rows.length;
}

/** Says that this gateway listens; `listeningSince` moves forward when it had to begin anew. */
export async function renewWatch(db: Queryable, gatewayId: string, listeningSince: Date, now: Date): Promise<void> {
  await db.query(
    `insert into gateways (id, listening_since, seen_at) values ($1, $2, $3)
     on conflict (id) do update set listening_since = excluded.listening_since, seen_at = excluded.seen_at`,
    [gatewayId, listeningSince, now],
    { name: "renew-watch" },
  );
}

/** Since when somebody who is still listening has been: the earliest start among gateways seen since `aliveAfter`. */
export async function findWatch(db: Queryable, aliveAfter: Date): Promise<Date | undefined> {
  const [row] = await db.query<{ since: Date | null }>(
    `select min(listening_since) as since from gateways where seen_at >= $1`,
    [aliveAfter],
  );
  return row?.since ?? undefined;
}

/** Removes one gateway, or every one: what an exclusive owner of the data finds at its start are the dead. */
export async function leaveWatch(db: Queryable, gatewayId: string | null): Promise<void> {
  await db.query(`delete from gateways where $1::uuid is null or id = $1`, [gatewayId]);
}
