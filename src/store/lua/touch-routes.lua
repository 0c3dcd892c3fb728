-- touch-routes.lua - a node renews the lease of a connected user's terminals and learns where his stream stands.
-- USES down
-- KEYS down routes
-- ARGV downEntries downIdleMs node leaseMs
-- then terminal platform ...
-- RETURNS 0 top serverTime (top is empty when the stream is gone, or of a life before)
local down, routes = unpack(KEYS)
local lease_ms = ARGV[4]
for i = 5, #ARGV, 2 do
  redis.call('HSET', routes, this_node .. '/' .. ARGV[i], ARGV[i + 1] .. ' ' .. int(now + lease_ms))
end
redis.call('PEXPIRE', routes, lease_ms)
redis.call('PEXPIRE', down, down_idle)
local last = redis.call('XREVRANGE', down, '+', '-', 'COUNT', 1)[1]
return { 0, last and is_alive(string.match(last[1], '^%d+')) and last[1] or '', int(now) }
