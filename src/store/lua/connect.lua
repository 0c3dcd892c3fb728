-- connect.lua - prelude, after down and presence: a terminal has a connection (again). [LIFE-1]
local presence_idle = whole(3 * down_idle)

-- Whoever comes back before his lease has been found ended was never gone: nothing is said.
local function connect (who, terminal, facts, held_ms)
  if is_dry then return end
  local before, presence = terminal_of(who, terminal), who.terminals .. ':PRESENCE'
  if before and not lease_of(who, terminal) then before = nil end
  local kept = { state = before and before.state or 'foreground', since = before and before.since or this_moment }
  kept.platform, kept.node, kept.trace, kept.standing, kept.seen = facts.platform, facts.node, facts.trace, 'on', this_moment
  kept.lease = facts.lease
  keep(who, terminal, kept)
  redis.call('ZADD', who.leases, whole(this_ms + held_ms), who.user .. '/' .. terminal)
  if not before then
    local is_new = void[presence] -- then one command says both
    local is_first = is_new or redis.call('HSETNX', presence, 'online', '1') == 1
    local n = is_new and 2 or redis.call('HINCRBY', presence, 'n', is_first and '2' or '1')
    if is_new then redis.call('HSET', presence, 'online', '1', 'n', '2') end
    if is_first then say(who, 'user.online', terminal, kept, nil, n - 1)
    else redis.call('ZREM', who.leases, who.user .. '/') end -- only who is online can be in his grace
    say(who, 'terminal.connected', terminal, kept, nil, n)
  end
  -- who never comes back is forgotten with his stream; his number in the stream of events later, or it would seem an old one
  redis.call('PEXPIRE', who.terminals, down_idle)
  redis.call('PEXPIRE', presence, presence_idle)
end
