-- Puts jobs that still hold their lease back to waiting, at the head of their lanes.
-- KEYS: none (see jobs.lua). ARGV: now in ms, due in ms, reason, attempts not to count, JSON [[id, lease], …].
-- Result: ids put back.
local held = held_of(cjson.decode(ARGV[5]))
for _, id in ipairs(held) do
  local job = jobs[id]
  later('ZREM', job[QUEUE] .. ':active', show(id, job))
  job[ATTEMPT] = math.max(0, job[ATTEMPT] - tonumber(ARGV[4]))
  job[LEASE], job[REASON], job[DUE] = false, ARGV[3], tonumber(ARGV[2])
  wait(id, job, tonumber(ARGV[1]), true)
end
flush()
return held
