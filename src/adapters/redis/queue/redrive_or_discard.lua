-- Redrives or discards jobs of a queue's dead list, in the order in which they became dead letters: redriven ones wait again at the
-- end of their lanes with no attempts counted, discarded ones are deleted.
-- KEYS: none (see jobs.lua). ARGV: now in ms, queue, "redrive" or "discard", how many at most from the head, or 0 and ids…
-- Result: {how many left the list, how many of them were jobs of this queue}. Texts of other programs move to {queue}:foreign.
local now, queue, count = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[4])
local dead = queue .. ':dead'
local texts = redis.call('LRANGE', dead, 0, count - 1)
local chosen, ids = {}, {}
if count > 0 then
  redis.call('LTRIM', dead, count, -1)
  chosen = texts
else
  local wanted = {}
  for i = 5, #ARGV do wanted[ARGV[i]] = true end
  for _, text in ipairs(texts) do
    if wanted[shown_id(text) or ''] then
      chosen[#chosen + 1] = text
      redis.call('LREM', dead, 1, text)
    end
  end
end
local done = 0
for _, text in ipairs(chosen) do
  local id = shown_id(text)
  local job = id and load(id)
  if job and job[STATE] == 'x' then
    done = done + 1
    if job[LANE] then redis.call('SREM', 'muster:lane-dead:' .. job[LANE], id) end
    if ARGV[3] == 'discard' then
      erase(id, job)
    else
      job[ATTEMPT], job[DUE] = 0, now
      wait(id, job, now, enter_lane(id, job))
      redis.call('SADD', QUEUES, queue)
    end
  elseif not id then
    redis.call('RPUSH', queue .. ':foreign', text)
  end
end
flush()
return { #chosen, done }
