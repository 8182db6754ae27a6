-- Adds jobs, all or none; quiet about keys that are taken and ids that came before.
-- KEYS: none (see jobs.lua). ARGV: now in ms, now in ISO 8601, JSON [[id, queue, key, lane, delay ms, hold ms], …], payloads…
-- Result: queues that have new claimable work.
add_jobs(tonumber(ARGV[1]), ARGV[2], cjson.decode(ARGV[3]), 3)
flush()
return woken_queues()
