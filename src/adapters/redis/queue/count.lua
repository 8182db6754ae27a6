-- Counts every queue; forgets the names of those that hold nothing.
-- KEYS: none (see jobs.lua). ARGV: now in ms. Result: [queue, pending, delayed, active, dead, oldest due second or ''], …
local now = tonumber(ARGV[1]) / 1000
local result = {}

local function oldest(key, found)
  local member = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  local due = tonumber(member[2])
  return (due and due <= now and due < found) and due or found
end

for _, queue in ipairs(redis.call('SMEMBERS', QUEUES)) do
  local fallen_due = redis.call('ZCOUNT', queue .. ':delayed', '-inf', now)
  local expired = redis.call('ZCOUNT', queue .. ':active', '-inf', now)
  local delayed = redis.call('ZCARD', queue .. ':delayed') - fallen_due
  local active = redis.call('ZCARD', queue .. ':active') - expired
  local pending = redis.call('LLEN', queue) + fallen_due + expired
  local dead = redis.call('LLEN', queue .. ':dead')
  if pending + delayed + active + dead == 0 then
    redis.call('SREM', QUEUES, queue)
  else
    local due = math.huge
    for _, part in ipairs({ ':ready', ':blocked', ':delayed', ':active' }) do due = oldest(queue .. part, due) end
    result[#result + 1] = { queue, pending, delayed, active, dead, due < math.huge and string.format('%.3f', due) or '' }
  end
end
return result
