-- store-shared.lua - keeps a notice to everybody, and lets those go that have expired. [NOTICE-1] [TIME-1]
-- USES claim
-- FULL refused
-- KEYS shared claim
-- ARGV id needs(completion|once) meta draft(JSON without times) ttlMs most
-- RETURNS 0 outcome(stored|already|over: it was taken back before it was stored)
-- shared: id -> `<until, ms> <rank> <needs> <meta JSON>\n<body JSON>`; `!<id>` -> `<until> 0`: it was taken back, see cancel-shared.lua
local shared, claim = unpack(KEYS)
local id, needs, meta, draft, ttl_ms, most = unpack(ARGV)
if is_over(claim) then return { 0, 'over' } end
local now = time_ms()
local last, held = 0, 0
local all = redis.call('HGETALL', shared)
for i = 1, #all, 2 do
  local ends, rank = string.match(all[i + 1], '^(%d+) (%d+)')
  local is_sound = whole_of(ends) and whole_of(rank)
  if not is_sound then skip(shared .. ' ' .. all[i]) end
  if not is_sound or tonumber(ends) <= now then redis.call('HDEL', shared, all[i])
  else last, held = math.max(last, tonumber(rank)), held + (string.sub(all[i], 1, 1) == '!' and 0 or 1) end
end
if redis.call('HEXISTS', shared, id) == 1 or redis.call('HEXISTS', shared, '!' .. id) == 1 then return { 0, 'already' } end
if held >= tonumber(most) then return { -18 } end
local ends = now + ttl_ms
redis.call('HSET', shared, id, int(ends) .. ' ' .. int(last + 1) .. ' ' .. needs .. ' ' .. meta ..
  '\n{"ts":' .. int(now) .. ',"expiresAt":' .. int(ends) .. ',' .. string.sub(draft, 2))
if redis.call('PEXPIRETIME', shared) < ends then redis.call('PEXPIREAT', shared, int(ends)) end
return { 0, 'stored' }
