-- Removes the jobs that still hold their lease, lets their lanes go on, and adds their follow-ups.
-- KEYS: none (see jobs.lua). ARGV: now in ms, now in ISO 8601, JSON [[id, lease], …], JSON of follow-ups as in push.lua,
--   JSON [owner's index, …] of the follow-ups, payloads…
-- Result: {ids settled, queues that have new claimable work}.
local claims, owners = cjson.decode(ARGV[3]), cjson.decode(ARGV[5])
local settled, is_settled = held_of(claims), {}
for _, id in ipairs(settled) do
  is_settled[id] = true
  erase(id, jobs[id])
  leave_lane(id, jobs[id])
end
flush()
if #owners > 0 then
  add_jobs(tonumber(ARGV[1]), ARGV[2], cjson.decode(ARGV[4]), 5, function(i) return is_settled[claims[owners[i]][1]] end)
  flush()
end
return { settled, woken_queues() }
