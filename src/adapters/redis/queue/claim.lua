-- Leases due jobs, oldest first, until one of the limits is reached; among them those whose lease ran out.
-- KEYS: none (see jobs.lua). ARGV: now in ms, count, bytes, lease, lease in ms, queues…
-- Result: jobs (see describe).

-- Delayed jobs moved to the list at most, so that a claim stays short however many fall due at once.
local MOVED = 500

local now, max_count, max_bytes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local lease, lease_ends = ARGV[4], tonumber(ARGV[1]) + tonumber(ARGV[5])

local function due_members(key)
  return redis.call('ZRANGEBYSCORE', key, '-inf', now / 1000, 'LIMIT', 0, MOVED)
end

local function gather(queue)
  local delayed = due_members(queue .. ':delayed')
  for _, text in ipairs(delayed) do
    local id = shown_id(text)
    local job = id and load(id)
    if job and job[STATE] == 'd' then
      wait(id, job, now, heads_lane(id, job))
    elseif not id then
      redis.call('RPUSH', queue .. ':foreign', text)
    end
  end
  if #delayed > 0 then in_chunks('ZREM', queue .. ':delayed', delayed) end
  if #delayed > 0 then flush() end
end

-- Entries of :active without a job are of jobs that somebody deleted by hand.
local function expired_of(queue)
  local key, found = queue .. ':active', {}
  local scored = redis.call('ZRANGEBYSCORE', key, '-inf', now / 1000, 'WITHSCORES', 'LIMIT', 0, max_count)
  for at = 1, #scored, 2 do
    local id = shown_id(scored[at])
    if id and load(id) then
      found[#found + 1] = scored[at]
      found[#found + 1] = scored[at + 1]
    else
      redis.call('ZREM', key, scored[at])
    end
  end
  return found
end

local function add_scored(found, scored)
  for at = 1, #scored, 2 do
    found[#found + 1] = { id = shown_id(scored[at]) or scored[at], due = tonumber(scored[at + 1]) }
  end
end

-- Ids of the oldest jobs that are ready or whose lease ran out, at most max_count of each.
local function candidates()
  local found, ids = {}, {}
  for i = 6, #ARGV do
    local expired = expired_of(ARGV[i])
    if #ARGV == 6 and #expired == 0 then return redis.call('ZRANGE', ARGV[i] .. ':ready', 0, max_count - 1) end
    add_scored(found, expired)
    add_scored(found, redis.call('ZRANGE', ARGV[i] .. ':ready', 0, max_count - 1, 'WITHSCORES'))
  end
  table.sort(found, function(a, b)
    if a.due ~= b.due then return a.due < b.due end
    return a.id < b.id
  end)
  for i = 1, math.min(#found, max_count) do ids[i] = found[i].id end
  return ids
end

for i = 6, #ARGV do gather(ARGV[i]) end
local ids, chosen, listed, bytes = candidates(), {}, {}, 0
load_all(ids)
for _, id in ipairs(ids) do
  local job = jobs[id]
  if not job then
    for i = 6, #ARGV do redis.call('ZREM', ARGV[i] .. ':ready', id) end
  else
    bytes = bytes + job[BYTES]
    if #chosen > 0 and bytes > max_bytes then break end
    chosen[#chosen + 1] = id
    if job[STATE] == 'p' then
      listed[job[QUEUE]] = listed[job[QUEUE]] or {}
      table.insert(listed[job[QUEUE]], id)
      later('ZREM', job[QUEUE] .. ':ready', id)
    end
    job[STATE], job[LEASE], job[ATTEMPT], job[DUE] = 'a', lease, job[ATTEMPT] + 1, lease_ends
    dirty[id] = true
    later('ZADD', job[QUEUE] .. ':active', lease_ends / 1000, show(id, job))
  end
end
leave_lists(listed)
flush()
local result = {}
for i, payload in ipairs(fetch(PAYLOADS, chosen)) do result[i] = describe(chosen[i], jobs[chosen[i]], payload) end
return result
