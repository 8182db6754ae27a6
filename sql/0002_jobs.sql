-- Jobs between a request's answer and its effect. The functions are what keeps lanes and keys right under concurrency:
-- each statement inside them sees what was committed before its lock was granted, which one long statement would not.

create sequence jobs_id_seq;

create table jobs (
  id bigint primary key default nextval('jobs_id_seq'),
  queue text not null,
  -- ready: claimable once due · blocked: behind the head of its lane · active: leased until due_at · dead: given up
  state text not null check (state in ('ready', 'blocked', 'active', 'dead')),
  due_at timestamptz not null,
  place bigint not null,  -- order within the lane; a redriven job gets a new one
  lane text,
  key text,
  attempt integer not null default 0,
  lease uuid,
  reason text,
  pushed_at timestamptz not null,
  payload_bytes integer not null,
  payload text not null
) with (
  fillfactor = 80,
  -- Rows live for seconds: sweep early and fast, and never take the exclusive lock that shrinking the file needs.
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000, vacuum_truncate = off,
  toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 2000,
  toast.autovacuum_vacuum_cost_delay = 0, toast.vacuum_truncate = off
);

alter sequence jobs_id_seq owned by jobs.id;

-- Not compressed: a job lives for seconds, and compressing it costs more than writing it.
alter table jobs alter column payload set storage external;

-- A lease is a due time too: what ran out is found where what is due is found.
create index jobs_claimable on jobs (queue, due_at, place) include (state) where state in ('ready', 'active');
create index jobs_blocked on jobs (queue, due_at) where state = 'blocked';
create index jobs_dead on jobs (queue, id) where state = 'dead';
create index jobs_by_lane on jobs (lane, place) where lane is not null and state <> 'dead';
create unique index jobs_by_key on jobs (queue, key) where key is not null;

-- Keys that stay taken after their job is gone.
create table held_job_keys (
  queue text not null,
  key text not null,
  held_until timestamptz not null,
  primary key (queue, key)
);

-- Whoever changes which jobs a lane or a key has holds that name's lock, taken before anything else and in one order, so
-- nobody deadlocks. Names share 1,024 locks: the server's lock table is bounded, the number of lanes is not.
create function lock_job_names(names text[]) returns void language plpgsql as $$
declare
  slot integer;
begin
  for slot in select distinct hashtext(name) & 1023 from unnest(names) as n (name) where name is not null order by 1 loop
    perform pg_advisory_xact_lock(20562, slot);
  end loop;
end $$;

-- Adds jobs in the order of the arrays; payloads travel as one run of UTF-8 bytes. Returns the queues with new due work.
create function push_jobs(
  at timestamptz, queues text[], keys text[], lanes text[], delays_ms bigint[], holds_ms bigint[],
  payloads bytea, starts integer[], sizes integer[]
) returns text[] language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
  woken text[];
begin
  perform lock_job_names(array(select queue || e'\n' || key from unnest(queues, keys) as n (queue, key)) || lanes);
  if holds_ms is not null then
    delete from held_job_keys where held_until <= at;
  end if;
  with pushed as (
    select *, min(ord) over (partition by queue, key) as first_ord
    from unnest(queues, keys, lanes, delays_ms, holds_ms, starts, sizes) with ordinality
      as p (queue, key, lane, delay_ms, hold_ms, start, size, ord)
  ), fresh as (
    select *, row_number() over (partition by lane order by ord) as nth_of_lane from pushed p
    where p.key is null or p.ord = p.first_ord
      and (select 1 from jobs j where j.queue = p.queue and j.key = p.key) is null
      and (select 1 from held_job_keys h where h.queue = p.queue and h.key = p.key and h.held_until > at) is null
    order by ord
  ), numbered as (
    select *, nextval('jobs_id_seq') as id from fresh
  ), inserted as (
    insert into jobs (id, place, queue, state, due_at, lane, key, pushed_at, payload_bytes, payload)
    select id, id, queue,
      case
        when lane is null then 'ready'
        when nth_of_lane > 1 then 'blocked'
        -- From the lane's end: there the living ones are, at its start lie those settled since the last vacuum.
        when (select j.id from jobs j where j.lane = n.lane and j.state <> 'dead' order by j.place desc limit 1) is null
          then 'ready'
        else 'blocked'
      end,
      at + delay_ms * interval '1 millisecond', lane, key, at, size, convert_from(substr(payloads, start, size), 'UTF8')
    from numbered n
    returning queue, state, due_at
  ), held as (
    insert into held_job_keys (queue, key, held_until)
    select queue, key, at + hold_ms * interval '1 millisecond' from fresh where key is not null and hold_ms is not null
    on conflict (queue, key) do update set held_until = excluded.held_until
  )
  select array_agg(distinct queue) into woken from inserted where state = 'ready' and due_at <= at;
  return woken;
end $$;

-- Leases due jobs, oldest first, until one of the limits is reached.
create function claim_jobs(at timestamptz, queues text[], max_count integer, max_bytes bigint, new_lease uuid, lease_ms bigint)
returns table (id bigint, queue text, payload text, key text, lane text, attempt integer, pushed_at timestamptz, nth integer)
language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
  taken bigint[];
begin
  select array_agg(id order by nth) into taken from (
    select id, row_number() over oldest as nth, sum(payload_bytes) over oldest as total_bytes
    from unnest(queues) as q (name) cross join lateral (
      select j.id, j.due_at, j.place, j.payload_bytes from jobs j
      where j.queue = q.name and j.state in ('ready', 'active') and j.due_at <= at
      order by j.due_at, j.place limit max_count for update skip locked
    ) as due
    window oldest as (order by due_at, place rows unbounded preceding)
  ) as candidates
  where nth <= max_count and (nth = 1 or total_bytes <= max_bytes);
  if taken is null then
    return;
  end if;
  return query
    update jobs set state = 'active', lease = new_lease, attempt = jobs.attempt + 1,
      due_at = at + lease_ms * interval '1 millisecond'
    where id = any(taken)
    returning id, queue, payload, key, lane, attempt, pushed_at, array_position(taken, id);
end $$;

-- Lets the next job of each lane go, where the one at `places` has just left. Returns the queues with new due work.
create function unblock_jobs(at timestamptz, lanes text[], places bigint[])
returns text[] language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
  woken text[];
begin
  with freed as (
    update jobs set state = 'ready' where id = any(array(
      select (select j.id from jobs j where j.lane = l.lane and j.state = 'blocked' and j.place > l.place order by j.place limit 1)
      from unnest(lanes, places) as l (lane, place) where l.lane is not null
    ))
    returning queue, due_at
  )
  select array_agg(distinct queue) into woken from freed where due_at <= at;
  return woken;
end $$;

-- Removes the jobs that still hold their lease and adds their follow-ups: owners[i] is the job that follow-up i comes from,
-- names are the locks of both.
create function settle_jobs(
  at timestamptz, ids bigint[], leases uuid[], names text[], owners bigint[], queues text[], keys text[], lanes text[],
  delays_ms bigint[], holds_ms bigint[], payloads bytea, starts integer[], sizes integer[], out settled bigint[], out woken text[]
) language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
  left_lanes text[];
  left_places bigint[];
begin
  perform lock_job_names(names);
  with gone as (
    delete from jobs where id = any(ids) and state = 'active' and lease = leases[array_position(ids, id)]
    returning id, lane, place
  )
  select array_agg(id), array_agg(lane), array_agg(place) into settled, left_lanes, left_places from gone;
  if settled is null then
    return;
  end if;
  woken := unblock_jobs(at, left_lanes, left_places);
  if cardinality(owners) > 0 then
    select woken || push_jobs(
      at, array_agg(f.queue order by ord), array_agg(f.key order by ord), array_agg(f.lane order by ord),
      array_agg(f.delay_ms order by ord), case when holds_ms is not null then array_agg(f.hold_ms order by ord) end,
      payloads, array_agg(f.start order by ord), array_agg(f.size order by ord)
    ) into woken
    from unnest(owners, queues, keys, lanes, delays_ms, holds_ms, starts, sizes) with ordinality
      as f (owner, queue, key, lane, delay_ms, hold_ms, start, size, ord)
    where f.owner = any(settled);
  end if;
end $$;

-- Gives one job up; its lane goes on.
create function bury_job(at timestamptz, job_id bigint, held_lease uuid, lane_name text, why text, out buried boolean, out woken text[])
language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  left_place bigint;
begin
  perform lock_job_names(array[lane_name]);
  update jobs set state = 'dead', lease = null, reason = why, due_at = at
  where id = job_id and state = 'active' and lease = held_lease returning place into left_place;
  buried := found;
  if buried then
    woken := unblock_jobs(at, array[lane_name], array[left_place]);
  end if;
end $$;

-- Makes dead jobs wait again, each at the end of its lane. `only_ids` null means all of the queue.
create function redrive_jobs(at timestamptz, queue_name text, only_ids bigint[])
returns bigint language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
  chosen bigint[];
  redriven bigint;
begin
  select array_agg(id) into chosen from jobs
  where queue = queue_name and state = 'dead' and (only_ids is null or id = any(only_ids));
  perform lock_job_names(array(select lane from jobs where id = any(chosen)));
  with dead as (
    select id, lane, row_number() over (partition by lane order by place) as nth_of_lane
    from jobs where id = any(chosen) and state = 'dead' order by place
  ), placed as (
    select *, nextval('jobs_id_seq') as place from dead
  )
  update jobs j set place = p.place, attempt = 0, due_at = at,
    state = case
      when p.lane is null then 'ready'
      when p.nth_of_lane > 1 then 'blocked'
      when (select o.id from jobs o where o.lane = p.lane and o.state <> 'dead' order by o.place desc limit 1) is null
        then 'ready'
      else 'blocked'
    end
  from placed p where j.id = p.id and j.state = 'dead';
  get diagnostics redriven = row_count;
  return redriven;
end $$;

-- Deletes what a lane holds, except the job in flight, whose settle finds the lane empty.
create function discard_job_lane(at timestamptz, lane_name text)
returns bigint language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
declare
  living bigint;
  dead bigint;
begin
  perform lock_job_names(array[lane_name]);
  delete from jobs where lane = lane_name and state <> 'dead' and not (state = 'active' and due_at > at);
  get diagnostics living = row_count;
  delete from jobs where lane = lane_name and state = 'dead';
  get diagnostics dead = row_count;
  return living + dead;
end $$;

-- Three partial indexes, each counted without touching the table once it was vacuumed.
create function count_jobs(at timestamptz)
returns table (queue text, pending bigint, delayed bigint, active bigint, dead bigint, oldest timestamptz)
language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
#variable_conflict use_column
begin
  return query
    select queue, count(*) filter (where due_at <= at), count(*) filter (where due_at > at and state = 'ready'),
      count(*) filter (where due_at > at and state = 'active'), 0::bigint, min(due_at) filter (where due_at <= at)
    from jobs where state in ('ready', 'active') group by queue;
  return query
    select queue, count(*) filter (where due_at <= at), count(*) filter (where due_at > at), 0::bigint, 0::bigint,
      min(due_at) filter (where due_at <= at)
    from jobs where state = 'blocked' group by queue;
  return query select queue, 0::bigint, 0::bigint, 0::bigint, count(*), null::timestamptz from jobs where state = 'dead' group by queue;
end $$;

create function count_waiting_jobs() returns bigint language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  return (select count(*) from jobs where state = 'ready') + (select count(*) from jobs where state = 'blocked');
end $$;
