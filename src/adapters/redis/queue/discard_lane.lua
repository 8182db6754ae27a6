-- Deletes what a lane holds, dead jobs too, except the one in flight.
-- KEYS: none (see jobs.lua). ARGV: now in ms, lane. Result: how many were deleted.
local now, lane = tonumber(ARGV[1]), 'muster:lane:' .. ARGV[2]
local living, dead = redis.call('LRANGE', lane, 0, -1), redis.call('SMEMBERS', 'muster:lane-dead:' .. ARGV[2])
load_all(living)
load_all(dead)
local listed, discarded, running = {}, 0, false
for _, id in ipairs(living) do
  local job = jobs[id]
  if job and job[STATE] == 'a' and job[DUE] > now then
    running = id
  elseif job then
    erase(id, job, listed)
    discarded = discarded + 1
  end
end
for _, id in ipairs(dead) do
  local job = jobs[id]
  if job then
    redis.call('LREM', job[QUEUE] .. ':dead', 1, show_dead(id, job))
    erase(id, job)
    discarded = discarded + 1
  end
end
leave_lists(listed)
redis.call('DEL', lane, 'muster:lane-dead:' .. ARGV[2])
if running then redis.call('RPUSH', lane, running) end
flush()
return discarded
