-- connect.lua - prelude, after down and foreground: a terminal has a connection (again). [LIFE-1]
local presence_idle = int(3 * down_idle)

-- coming: terminal, platform, node, trace, lease, held_until (ms, as
-- text); `known`: of its user's hash row, online, gone and n as they are stored.
-- more: what else is written there, a list. Whoever comes back before his lease has been found ended was never gone: nothing is said.
local function connect (who, coming, known, more)
  if is_dry then return end
  local terminal, terminals = coming.terminal, who.terminals
  local before = read_terminal(known.row, terminals, terminal)
  if before and not lease_of(who, terminal) then before = nil end
  coming.state, coming.since = before and before.state or 'f', before and before.since or this_moment
  coming.standing, coming.seen = 'on', this_moment
  local written, n = { terminal, terminal_text(coming), terminal .. '/trace', coming.trace, unpack(more) }, nil
  if not before then
    n = (number_of(known.n, terminals .. ' /n', 2 ^ 53 - 2) or 0) + (known.online and 1 or 2)
    written[#written + 1], written[#written + 2] = '/n', n
    if not known.online then written[#written + 1], written[#written + 2] = '/online', show(who, true, known.gone) end
  end
  redis.call('HSET', terminals, unpack(written))
  if is_fore(coming) and not (before and before.was_fore) then redis.call('SADD', foreground_of(who), who.user) end
  redis.call('ZADD', who.leases, coming.held_until, who.user .. '/' .. terminal)
  if not before then
    if known.online then redis.call('ZREM', who.leases, who.user .. '/') -- only who is online can be in his grace
    else say(who, 'user.online', coming, n - 1) end
    say(who, 'terminal.connected', coming, n)
  end
  -- later than his stream: with the number of his last event he would forget that it is an old one
  redis.call('PEXPIRE', terminals, presence_idle)
end
