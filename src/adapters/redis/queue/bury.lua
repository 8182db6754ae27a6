-- Gives a job up that still holds its lease; its lane goes on.
-- KEYS: none (see jobs.lua). ARGV: now in ms, reason, JSON [[id, lease]].
-- Result: {ids buried, queues that have new claimable work}.
local held = held_of(cjson.decode(ARGV[3]))
for _, id in ipairs(held) do
  local job = jobs[id]
  later('ZREM', job[QUEUE] .. ':active', show(id, job))
  job[STATE], job[LEASE], job[REASON], job[DUE] = 'x', false, ARGV[2], tonumber(ARGV[1])
  dirty[id] = true
  later('RPUSH', job[QUEUE] .. ':dead', show_dead(id, job))
  leave_lane(id, job)
  if job[LANE] then redis.call('SADD', 'muster:lane-dead:' .. job[LANE], id) end
end
flush()
return { held, woken_queues() }
