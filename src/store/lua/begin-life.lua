-- begin-life.lua - notices that Redis was started again, and whether its last moments may be lost.
-- FULL done
-- KEYS life run
-- ARGV durable(0|1) known(ms: the time of Redis as the gateway has carried it on; 0: it has known none)
-- RETURNS 0 life
-- run: the run id of the process that has all that was written; absent after an end in order. As the last write before
-- the end it proves that none before it was lost: an append-only file loses nothing but its tail.
local life, run = unpack(KEYS)
local durable, known = unpack(ARGV)
local this_run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local before = redis.call('GET', run)

-- Newer than all that was before it, also when the clock came back slow: than the life before, what the gateway knows, and every
-- epoch that was given (32 of a partition a ms: down.lua; of all partitions: standalone Redis only).
local function next_life ()
  local clock = redis.call('TIME')
  local newest = math.max(clock[1] * 1000 + math.floor(clock[2] / 1000), tonumber(known), (redis.call('GET', life) or 0) + 1)
  local given = {}
  for p = 0, 127 do given[p + 1] = 'iris:{' .. p .. '}:EPOCH' end
  for _, unit in ipairs(redis.call('MGET', unpack(given))) do
    if unit then newest = math.max(newest, math.floor(unit / 32) + 1) end
  end
  return string.format('%.0f', newest)
end

if before ~= this_run then
  redis.call('SET', run, this_run)
  if before and durable == '0' then redis.call('SET', life, next_life()) end
end
return { 0, redis.call('GET', life) or '0' }
