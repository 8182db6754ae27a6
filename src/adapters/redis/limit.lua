-- A sliding window of takes, in groups of takes close together, each stamped with its newest: bounded, never one take too many.
-- KEYS: the window. ARGV: now in ms, limit, window in ms, groups a window is cut into, 1 to take or 0 to look.
-- Result: whole seconds until one is free, or 0.
local now, limit, window = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local packed = redis.call('GET', KEYS[1])
local groups, total = {}, 0
for _, group in ipairs(packed and cmsgpack.unpack(packed) or {}) do
  -- first take, newest take, count
  if group[2] > now - window then
    groups[#groups + 1] = group
    total = total + group[3]
  end
end
local excess = total - limit + 1
if excess > 0 then
  for _, group in ipairs(groups) do
    excess = excess - group[3]
    if excess <= 0 then return math.max(1, math.ceil((group[2] + window - now) / 1000)) end
  end
  return math.max(1, math.ceil(window / 1000))
end
if ARGV[5] == '0' then return 0 end
local last = groups[#groups]
if last and now - last[1] < window / tonumber(ARGV[4]) then
  last[2], last[3] = now, last[3] + 1
else
  groups[#groups + 1] = { now, now, 1 }
end
redis.call('SET', KEYS[1], cmsgpack.pack(groups), 'PX', window)
return 0
