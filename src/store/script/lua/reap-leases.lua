-- reap-leases.lua - leases of one partition that have ended: their terminals,
-- and users without any, are said to be gone, once. [LIFE-2] [LIFE-3]
-- USES event presence foreground going
-- FULL done
-- KEYS leases
-- ARGV feed tag maxLeases graceMs leaseMs since(when somebody began to look without a break: claim-reaping.lua)
-- RETURNS 0 ended routes[user terminal node ...] (who may still hold a connection of them) looked
-- After an outage each has a lease, and who was leaving a grace, from its end on; those ends are spread over a grace, as returns will be.
local leases = KEYS[1]
local tag, max_leases, grace_ms, lease_ms, since = unpack(ARGV, 2)
local due = redis.call('ZRANGE', leases, '-inf', int(this_ms), 'BYSCORE', 'LIMIT', 0, max_leases)
local found, ended = {}, 0
since = math.min(since, this_ms)

local function read (member)
  local user, terminal = string.match(member, '^([^/]+)/(.*)$')
  local who = { leases = leases, user = user, terminals = 'iris:{' .. tag .. '}:TERMINALS:' .. (user or '') }
  local kept = user and terminal ~= '' and terminal_of(who, terminal)
  local is_leaving = kept and kept.standing ~= 'on' -- then the grace is over
  return (terminal == '' or is_leaving) and grace_ms or lease_ms, user, terminal, who, kept, is_leaving
end

-- Further ahead than a lease that was held: the clock went back, and it ends as one that begins now. [TIME-1]
local ahead = redis.call('ZRANGE', leases, '(' .. int(this_ms + lease_ms + grace_ms), '+inf', 'BYSCORE', 'LIMIT', 0, max_leases)
for _, member in ipairs(ahead) do
  local held_ms = read(member)
  redis.call('ZADD', leases, int(this_ms + held_ms), member)
end

-- Its routes go with it: they may be of a node that died.
local function unroute (who, terminal)
  local routes = who.terminals .. ':ROUTES'
  for _, route in ipairs(redis.call('HKEYS', routes)) do
    local node, name = string.match(route, '^([^/]+)/(.*)$')
    if name == terminal then
      redis.call('HDEL', routes, route)
      for _, part in ipairs({ who.user, terminal, node }) do found[#found + 1] = part end
    end
  end
end

for i, member in ipairs(due) do
  local held_ms, user, terminal, who, kept, is_leaving = read(member)
  local held_until = since + held_ms + i % 50 * grace_ms / 50
  if not user then
    skip(leases)
    redis.call('ZREM', leases, member)
  elseif held_until > this_ms then redis.call('ZADD', leases, int(held_until), member)
  elseif terminal == '' then
    redis.call('ZREM', leases, member)
    settle_user(who, 0)
    ended = ended + 1
  else
    disconnect(who, terminal, is_leaving and kept.standing or 'TIMEOUT', is_leaving and 0 or tonumber(grace_ms))
    unroute(who, terminal)
    ended = ended + 1
  end
end
return { 0, ended, found, math.max(#due, #ahead) }
