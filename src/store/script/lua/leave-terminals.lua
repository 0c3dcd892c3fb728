-- leave-terminals.lua - the last connections of terminals on a node are closed, each by itself. [LIFE-1] [LIFE-3]
-- Unless it is connected elsewhere, a terminal's lease is cut to the grace.
-- USES event presence foreground going printed each (keys are built from the users' ids: standalone Redis only)
-- FULL done
-- ARGV feed graceMs
-- then tag user terminal node reason printed brought(cursors; empty: none is known) transport code(0: the link was closed) ...
-- RETURNS 0 [0; or -12 and why it failed] ...
-- Who was sent away (KICKED, LOGOUT) does not come back: that is said at once.
local grace_ms = ARGV[2]

local function is_connected (routes, terminal)
  local live = redis.call('HGETALL', routes)
  for i = 1, #live, 2 do
    local is_held = tonumber(string.match(live[i + 1], '%d+$') or 0) > this_ms
    if is_held and string.match(live[i], '[^/]+$') == terminal then return true end
  end
end

local function leave (tag, user, terminal, node, reason, printed, brought, transport, code)
  local prefix = 'iris:{' .. tag .. '}:'
  local who = { leases = prefix .. 'LEASES', user = user, terminals = prefix .. 'TERMINALS:' .. user }
  local routes = who.terminals .. ':ROUTES'
  redis.call('HDEL', routes, node .. '/' .. terminal)
  local kept = terminal_of(who, terminal)
  if kept and transport ~= '' then -- a dead node cannot say how it ended
    note_printed(who.terminals, terminal, printed, brought, transport, this_moment)
    redis.call('HSET', who.terminals, terminal .. '/bye', code .. ' ' .. this_moment)
  end
  if not kept or is_connected(routes, terminal) or kept.standing == 'off' or kept.standing == 'lapsed' then return end
  if reason == 'KICKED' or reason == 'LOGOUT' then return disconnect(who, terminal, reason, tonumber(grace_ms)) end
  if kept.standing ~= 'on' then return end
  kept.standing, kept.seen = reason, this_moment
  keep(who, terminal, kept)
  redis.call('ZADD', who.leases, 'XX', 'LT', int(this_ms + grace_ms), user .. '/' .. terminal)
end

return decide_each(3, 9, function (...)
  leave(...)
  return { 0 }
end)
