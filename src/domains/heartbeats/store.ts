// SQL of heartbeats, status flips and the gateways' own watch. Flips lock systems in the order of their ids, as inventories do.
import type { Queryable } from "../../ports/database.ts";

/**
 * Keeps the newest beat of each system and brings unknown and inactive systems back, each flip stamped with the beat that
 * caused it. Late and repeated beats change nothing; beats of erased systems fall away in the join. A beat that was on its way
 * for longer than the timeout says nothing about now, and one from before a registration nothing about what was registered.
 * Returns the systems that are active again. `beats` is JSON, `[[system id, ms since 1970], …]`, as the queue holds it.
 */
export async function upsertBeats(db: Queryable, beats: string, activeAfter: Date): Promise<string[]> {
  const rows = await db.query<{ system_id: string }>(
    `with beats as (
       select s.id as system_id, max(b.at) as last, min(b.at) filter (where b.at > coalesce(h.last_heartbeat, '-infinity')) as first
       from (
         select (beat ->> 0)::uuid as system_id, timestamptz 'epoch' + (beat ->> 1)::bigint * interval '1 millisecond' as at
         from json_array_elements($1::json) beat
       ) b join systems s on s.id = b.system_id left join system_heartbeats h on h.system_id = s.id
       group by s.id order by s.id
     ), kept as (
       insert into system_heartbeats as h (system_id, last_heartbeat) select system_id, last from beats
       on conflict (system_id) do update set last_heartbeat = excluded.last_heartbeat
       where h.last_heartbeat < excluded.last_heartbeat
       returning system_id
     ), back as (
       select s.id, greatest(b.first, s.registered_at) as at
       from kept k join beats b using (system_id) join systems s on s.id = k.system_id
       where s.status <> 'active' and s.suspended_at is null and b.last >= s.registered_at
         and (s.status = 'unknown' or b.last > $2)
       order by s.id for no key update of s
     ), flipped as (
       update systems s set status = 'active' from back b where s.id = b.id returning s.id, b.at
     )
     insert into system_status_changes (system_id, status, changed_at) select id, 'active', at from flipped returning system_id`,
    [beats, activeAfter],
    { name: "upsert-beats" },
  );
  return rows.map((row) => row.system_id);
}

/**
 * Marks as inactive whoever had been silent for the whole timeout at the instant `judgedAt`; the flip is stamped with the
 * instant the timeout ran out.
 */
export async function markInactive(db: Queryable, judgedAt: Date, timeoutMs: number): Promise<number> {
  const rows = await db.query(
    `with overdue as (
       select s.id, h.last_heartbeat from systems s join system_heartbeats h on h.system_id = s.id
       where s.status = 'active' and s.suspended_at is null and h.last_heartbeat <= $1
       order by s.id for no key update of s
     ), silent as (
       update systems s set status = 'inactive' from overdue o where s.id = o.id returning s.id, o.last_heartbeat
     )
     insert into system_status_changes (system_id, status, changed_at)
     select id, 'inactive', last_heartbeat + $2 * interval '1 millisecond' from silent returning system_id`,
    [new Date(judgedAt.getTime() - timeoutMs), timeoutMs],
  );
  return rows.length;
}

/** The safety net under `upsertBeats`: a system resumed or registered after its last beat was stored. */
export async function markActive(db: Queryable, now: Date, timeoutMs: number): Promise<string[]> {
  const rows = await db.query<{ system_id: string }>(
    `with back as (
       select s.id, h.last_heartbeat from systems s join system_heartbeats h on h.system_id = s.id
       where s.status <> 'active' and s.suspended_at is null and s.registered_at is not null
         and h.last_heartbeat > $1 and h.last_heartbeat >= s.registered_at
       order by s.id for no key update of s
     ), heard as (
       update systems s set status = 'active' from back b where s.id = b.id returning s.id, b.last_heartbeat
     )
     insert into system_status_changes (system_id, status, changed_at) select id, 'active', last_heartbeat from heard returning system_id`,
    [new Date(now.getTime() - timeoutMs)],
  );
  return rows.map((row) => row.system_id);
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

/**
 * Since when there has been somebody listening without a gap until now, as a gateway sees it that listens itself since
 * `ownSince`: whoever was seen after that was listening when this one began.
 */
export async function findWatch(db: Queryable, ownSince: Date): Promise<Date | undefined> {
  const [row] = await db.query<{ since: Date | null }>(
    `select min(listening_since) as since from gateways where seen_at >= $1`,
    [ownSince],
  );
  return row?.since ?? undefined;
}

/** The same as somebody sees it who does not listen: by the eyes of one that was seen after `aliveSince`. */
export async function findOthersWatch(db: Queryable, aliveSince: Date): Promise<Date | undefined> {
  const [row] = await db.query<{ since: Date | null }>(
    `select min(listening_since) as since from gateways
     where seen_at >= (select min(listening_since) from gateways where seen_at >= $1)`,
    [aliveSince],
  );
  return row?.since ?? undefined;
}

/** Removes one gateway, or every one: what an exclusive owner of the data finds at its start are the dead. */
export async function leaveWatch(db: Queryable, gatewayId: string | null): Promise<void> {
  await db.query(`delete from gateways where $1::uuid is null or id = $1`, [gatewayId]);
}

/** Gateways that were killed could not leave. */
export async function forgetDeadWatches(db: Queryable, seenBefore: Date): Promise<void> {
  await db.query(`delete from gateways where seen_at < $1`, [seenBefore]);
}

/** Beats that were heard by another service: they say when, and flip no status. Returns how many were news. */
export async function bringBeats(db: Queryable, beats: readonly { systemId: string; at: Date }[]): Promise<number> {
  const rows = await db.query(
    `insert into system_heartbeats as h (system_id, last_heartbeat)
     select b.id, b.at from unnest($1::uuid[], $2::timestamptz[]) b (id, at) join systems s on s.id = b.id
     on conflict (system_id) do update set last_heartbeat = excluded.last_heartbeat where h.last_heartbeat < excluded.last_heartbeat
     returning system_id`,
    [beats.map((beat) => beat.systemId), beats.map((beat) => beat.at)],
  );
  return rows.length;
}
