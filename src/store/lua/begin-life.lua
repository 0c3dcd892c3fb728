-- begin-life.lua - notices that Redis was started again, and whether its last moments may be lost.
-- KEYS life run
-- ARGV durable(0|1)
-- RETURNS 0 life
-- run: the run id of the process that has all that was written; absent after an end in order. As the last write before
-- the end it proves that none before it was lost: an append-only file loses nothing but its tail.
local life, run = unpack(KEYS)
local this_run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local before = redis.call('GET', run)
if before ~= this_run then
  redis.call('SET', run, this_run)
  local clock = redis.call('TIME')
  if before and ARGV[1] == '0' then redis.call('SET', life, string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))) end
end
return { 0, redis.call('GET', life) or '0' }
