-- touch-routes.lua - a node renews the routes of a connected user's terminals and learns where his stream stands. [LIFE-2]
-- USES life down routes printed
-- FULL done
-- KEYS down routes leases terminals
-- ARGV feed downEntries downIdleMs node seenMark leaseMs user
-- then terminal platform printed brought(cursors, see printed.lua; empty: as it is noted) transport ...
-- RETURNS 0 top serverTime ended[terminal ...] (top is empty when the stream is gone, or of a life before)
-- A terminal whose own lease has ended is offline and gets no route. [LIFE-2]
local down, routes, leases, terminals = unpack(KEYS)
local lease_ms, user = unpack(ARGV, 6)
local ended = {}
prune(routes, lease_ms)
for i = 8, #ARGV, 5 do
  if is_dry then break end -- nobody can renew a lease
  if redis.call('ZSCORE', leases, user .. '/' .. ARGV[i]) then
    redis.call('HSET', routes, this_node .. '/' .. ARGV[i], ARGV[i + 1] .. ' ' .. int(now + lease_ms))
    note_printed(terminals, ARGV[i], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], int(now))
  else ended[#ended + 1] = ARGV[i] end
end
if not is_dry then
  redis.call('PEXPIRE', routes, lease_ms)
  redis.call('PEXPIRE', down, down_idle)
end
local last = redis.call('XREVRANGE', down, '+', '-', 'COUNT', 1)[1]
local top = last and last[1] or told_end(down)
return { 0, top and is_alive(string.match(top, '^%d+')) and top or '', int(now), ended }
