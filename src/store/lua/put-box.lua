-- put-box.lua - keeps a command or notice for a user until completed or expired, and tells his terminals. [CMD-2] [CMD-6] [COMPLETE-2]
-- USES down box
-- KEYS box expiry waiting done deliveries collapse terminals routes
-- ARGV downEntries downIdleMs node name user tag id body meta expiresAt maxItems everyTerminal collapseKey filter keepMs
-- RETURNS 0 outcome(stored|already|full) here[]
local terminals, routes = KEYS[7], KEYS[8]
local name, user, tag, id, body, meta, expires_at, max_items, every_terminal, collapse_key, filter, keep_ms = unpack(ARGV, 4)

sweep(keep_ms)
if redis.call('HEXISTS', box, id) == 1 or redis.call('ZSCORE', done, 'c:' .. id) or redis.call('ZSCORE', done, 'e:' .. id) then
  return { 0, 'already', here }
end
local replaced = collapse_key ~= '' and redis.call('HGET', collapse, collapse_key)
if redis.call('HLEN', box) >= tonumber(max_items) and not replaced then return { 0, 'full', here } end
if replaced then forget(replaced, 'e', keep_ms) end

local reference = { 'k', 'box', 'n', name, 'i', id }
if filter ~= '' then reference[7], reference[8] = 'f', filter end
local entry = string.match(deliver(user, tag, reference, body), '%d+$')
redis.call('HSET', box, id, entry .. ' ' .. meta .. '\n' .. body)
redis.call('ZADD', expiry, expires_at, id)
if collapse_key ~= '' then redis.call('HSET', collapse, collapse_key, id) end
local known = every_terminal == '1' and redis.call('HKEYS', terminals) or {}
if #known > 0 then redis.call('HSET', waiting, id, ',' .. table.concat(known, ',') .. ',') end
-- shown to somebody now: its first delivery from the box will be a second one [COMPLETE-3]
if redis.call('EXISTS', routes) == 1 then redis.call('HSET', deliveries, id, 1) end
return { 0, 'stored', here }
