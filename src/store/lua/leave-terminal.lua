-- leave-terminal.lua - the last connection of a terminal on a node is closed: unless it is connected elsewhere, its lease is cut to the grace. [LIFE-1] [LIFE-3]
-- USES presence going
-- FULL done
-- KEYS terminals routes leases events
-- ARGV user terminal node reason graceMs maxEvents
-- RETURNS 0
-- Who was sent away (KICKED, LOGOUT) does not come back: that is said at once.
local terminals, routes, leases, events = unpack(KEYS)
local user, terminal, node, reason, grace_ms, max_events = unpack(ARGV)
local who = { leases = leases, events = events, terminals = terminals, user = user, max_events = max_events }

redis.call('HDEL', routes, node .. '/' .. terminal)
local live = redis.call('HGETALL', routes)
for i = 1, #live, 2 do
  local is_held = tonumber(string.match(live[i + 1], '%d+$') or 0) > this_ms
  if is_held and string.match(live[i], '[^/]+$') == terminal then return { 0 } end
end
local kept = terminal_of(who, terminal)
if not kept or kept.standing == 'off' or kept.standing == 'lapsed' then return { 0 } end
if reason == 'KICKED' or reason == 'LOGOUT' then
  disconnect(who, terminal, reason, tonumber(grace_ms))
elseif kept.standing == 'on' then
  kept.standing, kept.seen = reason, int(this_ms)
  keep(who, terminal, kept)
  redis.call('ZADD', leases, 'XX', 'LT', int(this_ms + grace_ms), user .. '/' .. terminal)
end
return { 0 }
