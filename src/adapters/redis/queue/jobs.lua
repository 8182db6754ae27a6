-- What the queue's steps share; put in front of each of them, never run alone. Keys are made from the queues' names, so the
-- steps need one Redis server, not a cluster.
--
--   {queue}          list of what is pending, for people to read (LLEN = pending); the truth for claims is in :ready
--   {queue}:removed  how many elements left the list's head since it was last empty: place - removed = index
--   {queue}:ready    sorted set of claimable ids by due second      {queue}:blocked  the same, behind the head of their lane
--   {queue}:delayed  sorted set of what is due later, by due second {queue}:active   of what is in flight, by the end of its lease
--   {queue}:dead     list of what was given up                      {queue}:foreign  what others had put where ours belongs
--   {queue}:keys     hash key → id                                  {queue}:held     sorted set of held keys by their end
--   muster:jobs      hash id → packed job                           muster:payloads  hash id → payload
--   muster:queues    set of queues that may hold something          muster:withdrawn ids whose push must not come any more
--   muster:lane:…    list of a lane's living ids, in order          muster:lane-dead:… set of its dead ones
local JOBS, PAYLOADS, QUEUES, WITHDRAWN = 'muster:jobs', 'muster:payloads', 'muster:queues', 'muster:withdrawn'

-- A job is an array; false stands for nothing. States: p = in the list, d = delayed, a = active, x = dead. Times are in ms.
local QUEUE, LANE, KEY, ATTEMPT, LEASE, DUE, PLACE, BYTES, PUSHED, STATE, REASON = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11

-- Lua unpacks no more than about 8,000 values at once; a multiple of 2 keeps pairs together.
local CHUNK = 4000

local jobs, dirty, gone = {}, {}, {}
local lists, writes, woken = {}, {}, {}

local function in_chunks(command, key, args)
  for first = 1, #args, CHUNK do
    redis.call(command, key, unpack(args, first, math.min(first + CHUNK - 1, #args)))
  end
end

local function fetch(key, ids)
  if #ids <= CHUNK then return #ids > 0 and redis.call('HMGET', key, unpack(ids)) or {} end
  local values = {}
  for first = 1, #ids, CHUNK do
    local part = redis.call('HMGET', key, unpack(ids, first, math.min(first + CHUNK - 1, #ids)))
    for i = 1, #part do values[first + i - 1] = part[i] end
  end
  return values
end

local function load_all(ids)
  local packed = fetch(JOBS, ids)
  for i, id in ipairs(ids) do
    if jobs[id] == nil then jobs[id] = packed[i] and cmsgpack.unpack(packed[i]) end
  end
end

local function load(id)
  if jobs[id] == nil then
    local packed = redis.call('HGET', JOBS, id)
    jobs[id] = packed and cmsgpack.unpack(packed)
  end
  return jobs[id]
end

-- Written by flush(), many at a time.
local function later(command, key, a, b)
  local of_command = writes[command]
  if not of_command then
    of_command = {}
    writes[command] = of_command
  end
  local args = of_command[key]
  if not args then
    args = {}
    of_command[key] = args
  end
  args[#args + 1] = a
  if b then args[#args + 1] = b end
end

-- What people see of a job, in lists and sorted sets: the same text for the same job. Longer than 64 bytes, which makes Redis
-- keep even a small sorted set as a tree, where many members of one score go in quickly.
local function show(id, job)
  return '{"id":"' .. id .. '","lane":' .. (job[LANE] and cjson.encode(job[LANE]) or 'null')
    .. ',"bytes":' .. job[BYTES] .. ',"pushed_at":"' .. job[PUSHED] .. '"}'
end

local function show_dead(id, job)
  return '{"id":"' .. id .. '","lane":' .. (job[LANE] and cjson.encode(job[LANE]) or 'null')
    .. ',"bytes":' .. job[BYTES] .. ',"pushed_at":"' .. job[PUSHED] .. '","attempts":' .. job[ATTEMPT]
    .. ',"reason":' .. cjson.encode(job[REASON] or '') .. '}'
end

local function shown_id(text)
  return text and string.match(text, '^{"id":"(%w+)"')
end

local function shows(text, id)
  return text and string.sub(text, 8, 7 + #id) == id
end

local function list_of(queue)
  local list = lists[queue]
  if not list then
    local removed = tonumber(redis.call('GET', queue .. ':removed') or 0)
    list = { key = queue, removed = removed, was = removed, length = redis.call('LLEN', queue), added = {} }
    lists[queue] = list
  end
  return list
end

local function push_added(list)
  if #list.added == 0 then return end
  in_chunks('RPUSH', list.key, list.added)
  list.added = {}
end

local function enter_list(id, job)
  local list = list_of(job[QUEUE])
  job[PLACE] = list.removed + list.length
  list.length = list.length + 1
  list.added[#list.added + 1] = show(id, job)
end

-- Takes jobs of one queue out of its list. Mostly they are its head; whichever is not is overwritten with the head, so that it
-- costs the same however long the list is. A list that somebody else has touched is left as it is.
local function leave_list(queue, ids)
  local list = list_of(queue)
  push_added(list)
  for i = 2, #ids do
    if jobs[ids[i]][PLACE] < jobs[ids[i - 1]][PLACE] then
      table.sort(ids, function(a, b) return jobs[a][PLACE] < jobs[b][PLACE] end)
      break
    end
  end
  local run = 0
  while run < #ids and jobs[ids[run + 1]][PLACE] == list.removed + run do run = run + 1 end
  if run > 0 then
    local heads = redis.call('LRANGE', list.key, 0, run - 1)
    for i = 1, run do
      if not shows(heads[i], ids[i]) then
        run = i - 1
        break
      end
    end
  end
  if run > 0 then
    redis.call('LTRIM', list.key, run, -1)
    list.removed = list.removed + run
    list.length = list.length - run
  end
  for i = run + 1, #ids do
    local index = jobs[ids[i]][PLACE] - list.removed
    if index >= 0 and index < list.length and shows(redis.call('LINDEX', list.key, index), ids[i]) then
      local head = redis.call('LPOP', list.key)
      list.removed = list.removed + 1
      list.length = list.length - 1
      if index > 0 then
        redis.call('LSET', list.key, index - 1, head)
        local moved_id = shown_id(head)
        local moved = moved_id and load(moved_id)
        if moved then
          moved[PLACE] = list.removed - 1 + index
          dirty[moved_id] = true
        end
      end
    end
  end
end

local function flush()
  for _, command in ipairs({ 'ZREM', 'HDEL', 'ZADD', 'HSET', 'RPUSH' }) do
    for key, args in pairs(writes[command] or {}) do in_chunks(command, key, args) end
  end
  writes = {}
  for queue, list in pairs(lists) do
    push_added(list)
    if list.length == 0 then
      redis.call('DEL', queue .. ':removed')
    elseif list.removed ~= list.was then
      redis.call('SET', queue .. ':removed', list.removed)
    end
  end
  lists = {}
  local kept, dropped = {}, {}
  for id in pairs(dirty) do
    if not gone[id] then
      kept[#kept + 1] = id
      kept[#kept + 1] = cmsgpack.pack(jobs[id])
    end
  end
  for id in pairs(gone) do dropped[#dropped + 1] = id end
  in_chunks('HSET', JOBS, kept)
  in_chunks('HDEL', JOBS, dropped)
  in_chunks('HDEL', PAYLOADS, dropped)
  dirty, gone = {}, {}
end

-- True when the job may be claimed at once: it has no lane, or the lane to itself.
local function enter_lane(id, job)
  return not job[LANE] or redis.call('RPUSH', 'muster:lane:' .. job[LANE], id) == 1
end

local function heads_lane(id, job)
  return not job[LANE] or redis.call('LINDEX', 'muster:lane:' .. job[LANE], 0) == id
end

-- Lets the lane's next job go when this one was its head.
local function leave_lane(id, job)
  if not job[LANE] then return end
  local lane = 'muster:lane:' .. job[LANE]
  if redis.call('LINDEX', lane, 0) ~= id then
    redis.call('LREM', lane, -1, id)
    return
  end
  repeat
    redis.call('LPOP', lane)
    local next_id = redis.call('LINDEX', lane, 0)
    local following = next_id and load(next_id)
    if following and following[STATE] == 'p' then
      later('ZREM', following[QUEUE] .. ':blocked', next_id)
      later('ZADD', following[QUEUE] .. ':ready', following[DUE] / 1000, next_id)
      woken[following[QUEUE]] = true
    end
  until following or not next_id
end

-- From now on the job waits: in the list, or for its time.
local function wait(id, job, now, is_head)
  dirty[id] = true
  if job[DUE] > now then
    job[STATE] = 'd'
    later('ZADD', job[QUEUE] .. ':delayed', job[DUE] / 1000, show(id, job))
  else
    job[STATE] = 'p'
    enter_list(id, job)
    later('ZADD', job[QUEUE] .. (is_head and ':ready' or ':blocked'), job[DUE] / 1000, id)
    if is_head then woken[job[QUEUE]] = true end
  end
end

-- Removes a job from wherever its state says it is, but for the list: ids to take out of it are gathered by queue.
local function erase(id, job, listed)
  gone[id] = true
  if job[KEY] then later('HDEL', job[QUEUE] .. ':keys', job[KEY]) end
  if job[STATE] == 'a' then
    later('ZREM', job[QUEUE] .. ':active', show(id, job))
  elseif job[STATE] == 'd' then
    later('ZREM', job[QUEUE] .. ':delayed', show(id, job))
  elseif job[STATE] == 'p' then
    later('ZREM', job[QUEUE] .. ':ready', id)
    later('ZREM', job[QUEUE] .. ':blocked', id)
    listed[job[QUEUE]] = listed[job[QUEUE]] or {}
    table.insert(listed[job[QUEUE]], id)
  end
end

local function leave_lists(listed)
  for queue, ids in pairs(listed) do leave_list(queue, ids) end
end

-- True when the key is free, which it no longer is then.
local function take_key(queue, key, id, now, hold_ms)
  local held = queue .. ':held'
  local until_ms = tonumber(redis.call('ZSCORE', held, key) or 0)
  if until_ms > now or redis.call('HSETNX', queue .. ':keys', key, id) == 0 then return false end
  if hold_ms then
    redis.call('ZREMRANGEBYSCORE', held, '-inf', now)
    redis.call('ZADD', held, now + hold_ms, key)
  end
  return true
end

-- Adds jobs: `pushes` holds [id, queue, key, lane, delay ms, hold ms], the payload of the n-th is ARGV[payloads_at + n].
-- An id that is there already, or was withdrawn, is passed over: a push may come twice, and late.
local function add_jobs(now, pushed_at, pushes, payloads_at, accepts)
  local ids, seen = {}, {}
  for i, push in ipairs(pushes) do ids[i] = push[1] end
  load_all(ids)
  local any_withdrawn = redis.call('EXISTS', WITHDRAWN) == 1
  for i, push in ipairs(pushes) do
    local id, queue, key, lane, delay_ms, hold_ms = unpack(push, 1, 6)
    local is_new = not jobs[id] and not (any_withdrawn and redis.call('ZSCORE', WITHDRAWN, id))
    if is_new and (not accepts or accepts(i)) and (not key or take_key(queue, key, id, now, hold_ms)) then
      local payload = ARGV[payloads_at + i]
      local job = { queue, lane, key, 0, false, now + delay_ms, 0, #payload, pushed_at, 'p', false }
      jobs[id] = job
      later('HSET', PAYLOADS, id, payload)
      if not seen[queue] then
        seen[queue] = true
        redis.call('SADD', QUEUES, queue)
      end
      wait(id, job, now, enter_lane(id, job))
    end
  end
end

-- The jobs that still hold their lease, of [[id, lease], …].
local function held_of(claims)
  local ids = {}
  for i, claim in ipairs(claims) do ids[i] = claim[1] end
  load_all(ids)
  local held = {}
  for _, claim in ipairs(claims) do
    local job = jobs[claim[1]]
    if job and job[STATE] == 'a' and job[LEASE] == claim[2] then held[#held + 1] = claim[1] end
  end
  return held
end

local function woken_queues()
  local names = {}
  for queue in pairs(woken) do names[#names + 1] = queue end
  return names
end

-- A job as the client reads it.
local function describe(id, job, payload)
  return {
    id, job[QUEUE], payload or '', job[KEY], job[LANE], job[ATTEMPT], job[LEASE] or '', job[PUSHED], job[STATE], job[DUE], job[REASON],
  }
end
