-- The jobs of some ids, as they are now; ids that are gone are left out. Without payloads where ARGV[1] is 0.
-- KEYS: none (see jobs.lua). ARGV: 1 or 0, ids…. Result: jobs (see describe).
local ids, result = {}, {}
for i = 2, #ARGV do ids[i - 1] = ARGV[i] end
load_all(ids)
local payloads = ARGV[1] == '1' and fetch(PAYLOADS, ids) or {}
for i, id in ipairs(ids) do
  if jobs[id] then result[#result + 1] = describe(id, jobs[id], payloads[i]) end
end
return result
