-- Takes a push back whose caller was told that it failed: what waits is deleted, and what has not come yet will not be added.
-- KEYS: none (see jobs.lua). ARGV: now in ms, how long to remember in ms, ids….
-- Result: how many waiting jobs were deleted.
local now = tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', WITHDRAWN, '-inf', now - tonumber(ARGV[2]))
local listed, withdrawn = {}, 0
for i = 3, #ARGV do
  local id = ARGV[i]
  local job = load(id)
  if not job then
    redis.call('ZADD', WITHDRAWN, now, id)
  elseif (job[STATE] == 'p' or job[STATE] == 'd') and job[ATTEMPT] == 0 then
    erase(id, job, listed)
    leave_lane(id, job)
    withdrawn = withdrawn + 1
  end
end
redis.call('PEXPIRE', WITHDRAWN, ARGV[2])
leave_lists(listed)
flush()
return withdrawn
