-- Gives jobs that still hold their lease more time.
-- KEYS: none (see jobs.lua). ARGV: end of the new lease in ms, JSON [[id, lease], …]. Result: ids extended.
local held = held_of(cjson.decode(ARGV[2]))
for _, id in ipairs(held) do
  jobs[id][DUE] = tonumber(ARGV[1])
  dirty[id] = true
  later('ZADD', jobs[id][QUEUE] .. ':active', jobs[id][DUE] / 1000, show(id, jobs[id]))
end
flush()
return held
