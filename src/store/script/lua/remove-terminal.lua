-- remove-terminal.lua - forgets a terminal: its routes, its lease, its login. When it comes back it is a new one. [COMPLETE-5] [LIFE-1]
-- USES event presence foreground going
-- FULL done
-- KEYS terminals routes leases
-- ARGV feed user terminal reason graceMs
-- RETURNS 0 removed(0|1) at nodes[] (who may still hold a connection of it that attached up to `at`)
local terminals, routes, leases = unpack(KEYS)
local user, terminal, reason, grace_ms = unpack(ARGV, 2)
local who = { leases = leases, terminals = terminals, user = user }
local nodes = {}
for _, route in ipairs(redis.call('HKEYS', routes)) do
  local node, name = string.match(route, '^([^/]+)/(.*)$')
  if name == terminal then
    redis.call('HDEL', routes, route)
    nodes[#nodes + 1] = node
  end
end
disconnect(who, terminal, reason, tonumber(grace_ms))
return { 0, forget_terminal(terminals, terminal), int(this_ms), nodes }
