-- The common case of the queue made cheaper: jobs of one queue, without lane, key and follow-ups.

-- As before, but what the limits need is only computed where one is reached, and the order is the caller's to read off `nth`.
create or replace function claim_jobs(at timestamptz, queues text[], max_count integer, max_bytes bigint, new_lease uuid, lease_ms bigint)
returns table (id bigint, queue text, payload text, key text, lane text, attempt integer, pushed_at timestamptz, nth integer)
language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
  taken bigint[];
  bytes bigint;
begin
  if cardinality(queues) = 1 then
    select array_agg(id), sum(payload_bytes) into taken, bytes from (
      select j.id, j.payload_bytes from jobs j
      where j.queue = queues[1] and j.state in ('ready', 'active') and j.due_at <= at
      order by j.due_at, j.place limit max_count for update skip locked
    ) as due;
  end if;
  if bytes > max_bytes or cardinality(queues) <> 1 then
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
  end if;
  if taken is null then
    return;
  end if;
  return query
    update jobs j set state = 'active', lease = new_lease, attempt = j.attempt + 1,
      due_at = at + lease_ms * interval '1 millisecond'
    from unnest(taken) with ordinality as t (id, nth) where j.id = t.id
    returning j.id, j.queue, j.payload, j.key, j.lane, j.attempt, j.pushed_at, t.nth::integer;
end $$;

-- For jobs of one claim that stand in nobody's way: no lane goes on, no key is taken over, nothing follows.
create function settle_free_jobs(ids bigint[], held_lease uuid) returns setof bigint
language sql set enable_seqscan = off set enable_bitmapscan = off as $$
  delete from jobs where id = any(ids) and state = 'active' and lease = held_lease and lane is null returning id
$$;
