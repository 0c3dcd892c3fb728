-- connect.lua - prelude, after down and presence: a terminal has a connection (again). [LIFE-1]
-- Whoever comes back before his lease has been found ended was never gone: nothing is said.
local function connect (who, terminal, facts, held_ms)
  if is_dry then return end
  local before = lease_of(who, terminal) and terminal_of(who, terminal)
  local kept = { state = before and before.state or 'foreground', since = before and before.since or whole(this_ms) }
  kept.platform, kept.node, kept.trace, kept.standing, kept.seen = facts.platform, facts.node, facts.trace, 'on', whole(this_ms)
  kept.lease = facts.lease
  keep(who, terminal, kept)
  redis.call('ZADD', who.leases, whole(this_ms + held_ms), who.user .. '/' .. terminal)
  redis.call('ZREM', who.leases, who.user .. '/')
  if not before then
    if redis.call('HSETNX', who.terminals .. ':PRESENCE', 'online', 1) == 1 then say(who, 'user.online', terminal, kept) end
    say(who, 'terminal.connected', terminal, kept)
  end
  -- who never comes back is forgotten with his stream; his number in the stream of events later, or it would seem an old one
  redis.call('PEXPIRE', who.terminals, down_idle)
  redis.call('PEXPIRE', who.terminals .. ':PRESENCE', whole(3 * down_idle))
end
